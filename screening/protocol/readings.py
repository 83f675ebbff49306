"""Double reading: two readers of the same images, compared; if they differ, a third decides."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from screening.protocol.events import Event
from screening.protocol.shapes import Protocol, Test


def readings_of_one_image(protocol: Protocol, key: str) -> frozenset[str]:
    """The tests by which the images of this one are read, each time by somebody else: first, second and deciding
    reading. Empty for a test that is read once."""
    return next((keys for keys in _families(protocol) if key in keys), frozenset())


def read_by_several(protocol: Protocol) -> list[Test]:
    """The tests that read images which others read too."""
    return [protocol.tests[key] for keys in _families(protocol) for key in sorted(keys)]


def _families(protocol: Protocol) -> Iterator[frozenset[str]]:
    for test in protocol.tests.values():
        if test.second_reading_of is not None:
            deciding = protocol.steps[test.disagreement_leads_to].discharged_by if test.disagreement_leads_to else ()
            results = {word.removeprefix("result:") for word in deciding if word.startswith("result:")}
            yield frozenset({test.second_reading_of, test.key, *(results & protocol.tests.keys())})


@dataclass(slots=True)
class Readings:
    """The adequate readings of a round that wait for their counterpart, and the first ones that have had theirs."""

    protocol: Protocol
    firsts: list[Event] = field(default_factory=list)
    seconds: list[Event] = field(default_factory=list)
    paired: list[Event] = field(default_factory=list)

    def is_reading(self, test: Test) -> bool:
        """Whether the test is read twice, or is the second reading."""
        return test.second_reading_of is not None or self._second_of(test.key) is not None

    def partner(self, event: Event) -> tuple[Event, Event] | None:
        """(first, second) reading if the event completes a pair; else None, and the event waits for its counterpart."""
        test = self.protocol.tests[event.data["test"]]
        first = test.second_reading_of
        if first is None:
            waiting = [
                one for one in self.seconds if self.protocol.tests[one.data["test"]].second_reading_of == test.key
            ]
            if not waiting:
                self.firsts.append(event)
                return None
            self.seconds.remove(waiting[-1])
            self.paired.append(event)
            return event, waiting[-1]
        same = [one for one in self.firsts if one.data["test"] == first]
        if same:
            found = next((one for one in same if one.occurred_on == event.occurred_on), same[-1])
            self.firsts.remove(found)
            self.paired.append(found)
            return found, event
        again = [
            one for one in self.paired if one.data["test"] == first and one.occurred_on == event.occurred_on
        ]  # read a third time
        if again:
            return again[-1], event
        self.seconds.append(event)
        return None

    def agree(self, first: Event, second: Event) -> bool:
        """Whether both readers came to results of one group."""
        groups = []
        for event in (first, second):
            category = self.protocol.category(event.data["test"], event.data["category"])
            groups.append(category.group if category else event.data["category"])
        return groups[0] == groups[1]

    def step_waiting_for(self, second: str) -> str:
        """The step in which a first reading waits for its second one."""
        return next(
            key
            for key, step in self.protocol.steps.items()
            if step.state == "reading_due" and f"result:{second}" in step.discharged_by
        )

    def _second_of(self, key: str) -> str | None:
        return next((test.key for test in self.protocol.tests.values() if test.second_reading_of == key), None)
