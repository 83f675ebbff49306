"""Of every programme: whatever happens, in any order, stored rounds equal the fold of the events and a rebuild's."""

import random
from datetime import date, timedelta
from typing import Any, Final

import pytest

from fhir import hooks, store
from fhir.outcomes import Refused
from healthhub.accounts.actors import SYSTEM, Actor
from records.models import Facility
from screening.assessing import build_assessment
from screening.failsafe.closing import close_step, reopen_round
from screening.failsafe.handover import hand_over
from screening.models import Episode, EpisodeState, OpenRound
from screening.places import as_held, holder_of
from screening.protocol import current, programmes, protocol_for
from screening.protocol.shapes import Protocol
from tests.screening.conftest import Sender
from tests.screening.test_intake_replay import LENGTH, START, bury, folded, rows, stored, tell

pytestmark = pytest.mark.django_db
LAST: Final = START + timedelta(LENGTH)
EVENTS: Final = 24


class Life:
    """One person's years in a programme, made up: ``step`` lets one thing happen."""

    def __init__(self, seed: int, programme: str, person: str, facilities: list[Facility], actor: Actor) -> None:
        self.chance, self.programme, self.person = random.Random(f"{programme}{seed}"), programme, person
        self.facilities, self.actor = facilities, actor
        self.written: dict[str, Facility] = {}
        self.happened: list[str] = []

    def step(self) -> None:
        """One event, of the kinds that there are; what is refused has not happened."""
        kinds = {
            self.result: 9,
            self.assessed: 5,
            self.referred: 2,
            self.withdrawn: 2,
            self.told: 1,
            self.died: 1,
            self.closed: 2,
            self.reopened: 1,
            self.handed: 3,
        }
        what = self.chance.choices(list(kinds), list(kinds.values()))[0]
        try:
            what()
        except Refused as refused:
            if refused.status != 409:
                raise
            self.happened.append(f"{what.__name__}: refused")
        else:
            self.happened.append(what.__name__)

    def result(self) -> None:
        """A result of any test, new or in place of an earlier one, also of another day, test or facility."""
        day = self.day()
        test = self.chance.choice(list(self.rules(day).tests.values()))
        again = self.chance.choice(list(self.written)) if self.written and self.chance.random() < 0.3 else ""
        facility = self.written[again] if again else self.chance.choice(self.facilities)
        system, code = test.codes[0].coding
        said: dict[str, Any] = {"valueCodeableConcept": self.value(test)}
        parts = [self.part(one) for one in test.components if self.chance.random() < 0.6]
        if parts:
            said["component"] = parts
        if again:
            said["id"] = again
        said["status"] = (
            "preliminary" if self.chance.random() < 0.12 and not again else "corrected" if again else "final"
        )
        said["code"] = {"coding": [{"system": system, "code": code}]}
        resource = Sender(facility).observation(self.person, None, on=day.isoformat()) | said
        name = store.save(resource, actor=SYSTEM, facility=facility.pk).id
        self.written[name] = facility

    def value(self, test: Any) -> dict[str, Any]:
        if self.chance.random() < 0.08:
            return {"text": "???"}
        category = self.chance.choice(list(test.categories.values()))
        if category.codings:
            system, code = category.codings[0]
            return {"coding": [{"system": system, "code": code}]}
        return {"text": category.words[0] if category.words else category.label["vi"]}

    def part(self, component: Any) -> dict[str, Any]:
        value = self.chance.choice([*component.values.values(), None])
        concept: dict[str, Any] = {"text": "không rõ"}
        if value is not None:
            system, code = value.codings[0]
            concept = {"coding": [{"system": system, "code": code}]}
        system, code = component.codings[0]
        return {"code": {"coding": [{"system": system, "code": code}]}, "valueCodeableConcept": concept}

    def assessed(self) -> None:
        facility = self.chance.choice(self.facilities)
        rule = self.chance.choice(list(current(self.programme).assessments.values()))
        resource = build_assessment(
            rule=rule,
            finding=self.chance.choice(list(rule.findings.values())),
            tnm={"t": "T1"},
            patient_id=self.person,
            about="none",
            facility=facility.pk,
            done_on=self.day(),
        )
        store.save(resource, actor=SYSTEM, facility=facility.pk)

    def referred(self) -> None:
        asking, asked = self.chance.sample(self.facilities, 2)
        rule = self.chance.choice(list(current(self.programme).assessments.values()))
        system, code = rule.codings[0]
        day = self.day()
        request = {
            "resourceType": "ServiceRequest",
            "status": "active",
            "intent": "order",
            "code": {"coding": [{"system": system, "code": code}]},
            "subject": {"reference": f"Patient/{self.person}"},
            "requester": {"reference": f"Organization/{asking.pk}"},
            "performer": [{"reference": f"Organization/{asked.pk}"}],
            "authoredOn": day.isoformat(),
            "occurrenceDateTime": (day + timedelta(days=20)).isoformat(),
        }
        store.save(request, actor=SYSTEM, facility=asking.pk)

    def withdrawn(self) -> None:
        if self.written:
            name = self.chance.choice(list(self.written))
            store.delete(type="Observation", id=name, actor=SYSTEM)

    def told(self) -> None:
        if self.written:
            tell(self.chance, self.person, self.day().isoformat(), self.chance.choice(list(self.written)))

    def died(self) -> None:
        if self.chance.random() < 0.4:
            bury(self.chance, self.person, self.day().isoformat())

    def closed(self) -> None:
        """What one place holds is closed; the others' steps stay."""
        if one := self.open_round():
            others = [need for need in one.needs if holder_of(need, one) != one.holder]
            reasons = [
                key for key, rule in self.rules(one.opened_on).reasons.items() if not rule.ends and not rule.second
            ]
            reason = self.chance.choice(reasons)
            close_step(episode=one, reason=reason, on=LAST, actor=self.actor, evidence="Thư", note="")
            left = Episode.objects.get(pk=one.pk).needs
            assert [need for need in left if need in others] == others

    def reopened(self) -> None:
        """A closing is taken back, also of a round that waits for others: what it closed is open again."""
        rounds = Episode.objects.order_by("pk")
        found = [(one, step) for one in rounds for step in one.waived if step["closing"]]
        if found:
            one, step = self.chance.choice(found)
            reopen_round(episode=one, why="Nhầm", actor=self.actor, closing=step["closing"])
            left = [name for one in rounds.all() for name in (one.needs + one.waived) if name.get("closing") != ""]
            assert step["step"] in {name["step"] for name in left}

    def handed(self) -> None:
        if one := self.open_round():
            to = self.chance.choice(self.facilities)
            hand_over(episode=one, facility=to, reason="Quá tải", on=self.day(), actor=SYSTEM)

    def open_round(self) -> Any:
        held = as_held(OpenRound.objects.select_related("episode__patient").order_by("opened_on", "holder"))
        return self.chance.choice(held) if held else None

    def day(self) -> date:
        return START + timedelta(days=self.chance.randrange(LENGTH))

    def rules(self, day: date) -> Protocol:
        return protocol_for(self.programme, day)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("programme", programmes())
def test_stored_rounds_of_every_programme_equal_the_fold_and_a_rebuild(
    programme: str, seed: int, station: Facility, laboratory: Facility, clinician: Actor, man: str, woman: str
) -> None:
    person = man if "male" in current(programme).sexes else woman
    life = Life(seed, programme, person, [station, laboratory], clinician)
    for _ in range(EVENTS):
        life.step()
    assert stored() == folded(), life.happened
    places = {(one.episode_id, one.holder, one.step) for one in OpenRound.objects.all()}
    waiting = Episode.objects.exclude(state=EpisodeState.CLOSED).select_related("patient")
    held = {(one.pk, holder_of(need, one)) for one in waiting for need in one.needs}
    assert {(episode, holder) for episode, holder, _step in places} == held
    before = rows()
    hooks.run_rebuild()
    assert rows() == before, life.happened
