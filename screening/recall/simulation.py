"""Ten years of an invented city, night by night, through the same doors as a real one.

People are born, grow old, move in, out and within the city, die (and now and then turn out to be alive), have wrong
birth dates put right; they come when called, come of their own accord, put it off, opt out or never answer; results are
positive, corrected or withdrawn, followed up or neglected. Everything is written by ``fhir.store``; each night is a
``RecallRun`` and a ``FailsafeRun``. After each the books must balance and agree with what the simulation itself knows
about its people, nobody may be lost, and whoever was counted again must have stood right.
"""

import heapq
import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any, Self

from django.db.models import Sum
from django.utils import timezone

from fhir.store import Draft, save_many
from healthhub.accounts.actors import system_actor
from records.areas import areas_in_force
from records.models import AreaKind
from screening.failsafe.nightly import run_nightly
from screening.models import Balance, Capacity, Episode, EpisodeState, FailsafeAlarm, Invitation, InvitationKind
from screening.protocol.load import protocol_for
from screening.recall import simulated_resources as resources
from screening.recall.recount import look_again
from screening.recall.run import carry_on, start_run
from screening.recall.simulated_people import Person, Register

ACTOR = system_actor("simulation")
PROGRAMMES = ("colorectal", "cervical")
BATCH = 1000
# Of the failsafe's checks: the others wait for somebody.
NEVER = (
    "positive_without_round", "open_without_clock", "open_owner_gone", "nobody_sees", "result_without_round",
    "resource_without_result", "unreadable",
)  # fmt: skip
# Shares a year, made up but of the right size for a city.
BIRTHS, DEATHS, IN, OUT, WITHIN = 0.012, 0.006, 0.01, 0.01, 0.02
REVIVED, REBORN, DEFERRED, OPTED, CEASED, UNASKED = 0.02, 0.001, 0.01, 0.003, 0.001, 0.02
POSITIVE, CORRECTED, WITHDRAWN, FOLLOWED = 0.06, 0.01, 0.005, 0.75
UNDONE = 16  # decisions that are undone in a year
ANSWERS = (("always", 0.3, 0.9), ("sometimes", 0.5, 0.35), ("never", 0.2, 0.0))  # name, share of people, per call


@dataclass(slots=True)
class Night:
    """What a night found. ``known`` is how many people a programme is for by the simulation's own reckoning; ``wrong``
    of how many whatever was counted again turned out to be wrong."""

    on: date
    differences: int
    eligible: dict[str, int]
    known: dict[str, int]
    lost: list[Any]
    wrong: dict[str, int]
    counts: dict[str, int]

    @property
    def holds(self) -> bool:
        """Whether all is as it must be."""
        books = {programme: self.eligible.get(programme, 0) for programme in self.known}
        return not (self.differences or self.lost or self.wrong) and books == self.known


@dataclass(slots=True)
class City:
    """The city between two nights; ``run`` goes through the nights, and after a stop goes on where it was."""

    size: int
    seed: int
    first: date
    programmes: tuple[str, ...] = PROGRAMMES
    register: Register = field(default_factory=Register)
    drafts: list[Draft] = field(default_factory=list)
    later: list[tuple[date, int, Callable[..., None], dict[str, Any]]] = field(default_factory=list)
    decided: list[tuple[Person, dict[str, Any]]] = field(default_factory=list)
    rng: Random = field(init=False)
    wards: list[str] = field(init=False)
    stations: list[str] = field(init=False)
    today: date = field(default_factory=timezone.localdate)
    seen: int = 0
    serial: int = 0
    on: date = field(init=False)
    nights: int = 0
    living: bool = False

    def __post_init__(self) -> None:
        self.on = self.first
        self.rng = Random(self.seed)
        communes = areas_in_force(self.first, AreaKind.COMMUNE)
        self.wards = [area.code for area in communes]
        seats = {area.parent_id: area.code for area in reversed(communes)}
        self.stations = []
        for number, ward in enumerate(sorted(seats.values())):
            self.stations.append(f"sim-station-{number}")
            self._write(resources.station(self.stations[-1], f"018{number:02}", ward))
        self._flush()
        for weekday in range(7):
            for programme in self.programmes:
                Capacity.objects.bulk_create(
                    Capacity(facility_id=station, programme=programme, weekday=weekday, places=max(5, self.size // 300))
                    for station in self.stations
                )
        for _ in range(self.size):
            self._settle(self.first - timedelta(days=self.rng.randrange(85 * 365)))
        self._flush()

    def run(self, years: int, *, step: int = 1, recount_every: int = 91) -> Iterator[Night]:
        """The nights to come, ``step`` days apart; what happened on the days between is written before each.

        Each night counts a share of the people again; each ``recount_every``-th all of them.
        """
        while self.on < self.first.replace(year=self.first.year + years):
            yield self._night(self.on, everybody=self.nights % recount_every == recount_every - 1)
            self.living = True
            self._live(self.on, self.on + timedelta(days=step), share=step / 365)
            self.living = False
            self.on += timedelta(days=step)
            self.nights += 1

    def save(self, path: Path) -> bool:
        """Write down what the database does not know, so that ``load`` can go on; False in the middle of a day."""
        if not self.living:
            path.write_bytes(pickle.dumps(self))
        return not self.living

    @classmethod
    def load(cls, path: Path) -> Self:
        """The city as it was saved, about to do once more the night that it was in: that may be done twice."""
        city = pickle.loads(path.read_bytes())  # our own file, beside our own database
        if not isinstance(city, cls):
            raise TypeError(f"{path} holds no simulated city.")
        return city

    def _night(self, on: date, *, everybody: bool) -> Night:
        run = carry_on(start_run(on, only=self.programmes))
        run_nightly(on)
        books = Balance.objects.filter(on=on).values("programme").annotate(eligible=Sum("eligible"))
        wrong = {word: run.counts[word] for word in ("wrong", "late", "misread") if run.counts.get(word)}
        if everybody:
            for programme in self.programmes:
                found = look_again(protocol_for(programme, on), on, everybody=True)
                wrong |= {f"{word} {programme}": count for word, count in found.items() if word != "again"}
        return Night(
            on=on,
            differences=run.counts.get("differences", 0),
            eligible={row["programme"]: row["eligible"] for row in books},
            known={programme: self._known(programme, on) for programme in self.programmes},
            lost=list(FailsafeAlarm.objects.filter(check_name__in=NEVER, gone_on__isnull=True)),
            wrong=wrong,
            counts=run.counts,
        )

    def _known(self, programme: str, on: date) -> int:
        protocol = protocol_for(programme, on)
        if protocol.valid_from > on:
            return 0
        rounds = Episode.objects.filter(programme=programme).exclude(state=EpisodeState.CLOSED)
        return self.register.eligible(protocol, on, set(rounds.values_list("patient_id", flat=True)))

    def _live(self, first: date, last: date, *, share: float) -> None:
        self._answer(first)
        while self.later and self.later[0][0] < last:
            day, _, what, data = heapq.heappop(self.later)
            what(day, **data)
        for one in self._some(BIRTHS * share):
            self._settle(self._day(first, last), ward=one.ward)
        for _ in self._some(IN * share):
            self._settle(first - timedelta(days=self.rng.randrange(18 * 365, 80 * 365)))
        for one in self._some(DEATHS * share):
            if one.alive:
                self._change(one, died=self._day(first, last), alive=False)
                if self.rng.random() < REVIVED:
                    self._plan(last + timedelta(days=self.rng.randrange(90)), self._revive, one=one)
        for one in self._some(OUT * share):
            self._change(one, ward=None)
        for one in self._some(WITHIN * share):
            self._change(one, ward=self.rng.choice(self.wards))
        for one in self._some(REBORN * share):
            self._change(one, birth_date=one.birth_date - timedelta(days=self.rng.randrange(1, 3000)))
        for one in self._some(UNASKED * share):
            if one.alive:
                self._plan(self._day(first, last), self._test, one=one, programme=self.rng.choice(self.programmes))
        self._decide(last, share)
        self._flush()

    def _answer(self, first: date) -> None:
        """Whom the last night called answers in the weeks to come, or does not."""
        rows = Invitation.objects.filter(pk__gt=self.seen, kind__in=(InvitationKind.CALL, InvitationKind.RECALL))
        for key, patient, programme in rows.order_by("pk").values_list("pk", "patient_id", "programme"):
            self.seen = key
            one = self.register.by_id.get(patient)
            if one and self.rng.random() < one.answers:
                self._plan(first + timedelta(days=self.rng.randrange(3, 70)), self._test, one=one, programme=programme)

    def _test(self, day: date, *, one: Person, programme: str) -> None:
        if not one.here or day >= self.today:
            return
        positive = self.rng.random() < POSITIVE
        name = self._name("result")
        self._write(resource := self._result(name, one, programme, day, positive=positive), one)
        soon = day + timedelta(days=self.rng.randrange(3, 40))
        if self.rng.random() < CORRECTED:
            other = self._result(name, one, programme, day, positive=not positive)
            self._plan(soon, self._rewrite, one=one, resource=other | {"status": "corrected"})
        elif self.rng.random() < WITHDRAWN:
            self._plan(soon, self._rewrite, one=one, resource=resource | {"status": "entered-in-error"})
        if positive and self.rng.random() < FOLLOWED:
            self._plan(soon + timedelta(days=40), self._examination, one=one, programme=programme)

    def _rewrite(self, _day: date, *, one: Person, resource: dict[str, Any]) -> None:
        self._write(resource, one)

    def _examination(self, day: date, *, one: Person, programme: str) -> None:
        if one.alive and day < self.today:
            self._write(resources.examination(self._name("procedure"), one, programme, day), one)

    def _revive(self, _day: date, *, one: Person) -> None:
        self._change(one, alive=True)

    def _decide(self, day: date, share: float) -> None:
        for rate, kind, reason in (
            (DEFERRED, "defer", "ill"), (OPTED, "opt_out", "not-wanted"), (CEASED, "cease", "organ-absent"),
        ):  # fmt: skip
            for one in self._some(rate * share):
                if one.alive and day < self.today:
                    end, programme = day + timedelta(days=self.rng.randrange(30, 500)), self.rng.choice(self.programmes)
                    name = self._name("decision")
                    decision = resources.decision(name, one, programme, kind, reason, day, end)
                    self.decided.append((one, decision))
                    self._write(decision, one)
        if self.decided and self.rng.random() < UNDONE * share:
            one, undone = self.decided.pop(self.rng.randrange(len(self.decided)))
            self._write(undone | {"status": "revoked"}, one)

    def _result(self, name: str, one: Person, programme: str, day: date, *, positive: bool) -> dict[str, Any]:
        micrograms = self.rng.randrange(20, 400) if positive else self.rng.randrange(20)
        found = micrograms if programme == "colorectal" else int(positive)
        return resources.result(name, one, programme, day, self._station(one), found)

    def _settle(self, born: date, ward: str | None = None) -> None:
        pick, answers = self.rng.random(), 0.0
        for _, part, rate in ANSWERS:
            pick, answers = pick - part, rate
            if pick < 0:
                break
        one = Person(
            id=self._name("person"),
            sex=self.rng.choice(("female", "male")),
            birth_date=born,
            ward=ward or self.rng.choice(self.wards),
            answers=answers,
        )
        self.register.add(one)
        self._write(resources.patient(one, self.first))

    def _change(self, one: Person, died: date | None = None, **what: Any) -> None:
        self.register.change(one, **what)
        self._write(resources.patient(one, self.first, died))

    def _some(self, share: float) -> list[Person]:
        """So many of the people, at random."""
        people = self.register.people
        count = len(people) * share
        whole = int(count) + (self.rng.random() < count % 1)
        return [self.rng.choice(people) for _ in range(whole)] if people else []

    def _station(self, one: Person) -> str:
        """Always the same for a person, in every process."""
        return self.stations[sum(ord(letter) * (place + 1) for place, letter in enumerate(one.id)) % len(self.stations)]

    def _day(self, first: date, last: date) -> date:
        return first + timedelta(days=self.rng.randrange((last - first).days))

    def _plan(self, day: date, what: Callable[..., None], **data: Any) -> None:
        self.serial += 1
        heapq.heappush(self.later, (day, self.serial, what, data))

    def _name(self, kind: str) -> str:
        self.serial += 1
        return f"sim{self.seed}-{kind}-{self.serial}"

    def _write(self, resource: dict[str, Any], about: Person | None = None) -> None:
        """By the station that looks after a person; what the register itself tells, by no facility."""
        self.drafts.append(Draft.of(resource, facility=self._station(about) if about else None))

    def _flush(self) -> None:
        """Save what has been written, the last word of each resource where it was written twice."""
        while self.drafts:
            batch: list[Draft] = []
            names: set[tuple[str, str | None]] = set()
            rest: list[Draft] = []
            for draft in self.drafts:
                key = (draft.type, draft.id)
                if key in names or len(batch) >= BATCH:
                    rest.append(draft)
                else:
                    batch.append(draft)
                    names.add(key)
            save_many(batch, actor=ACTOR)
            self.drafts = rest
