"""Ten years of an invented city, night by night, through the same doors as a real one.

People are born, grow old, move in, out and within the city, die (and now and then turn out to be alive), have wrong
birth dates put right; they come when called, come of their own accord, put it off, opt out or never answer; results are
positive, corrected or withdrawn, followed up or neglected. Everything is written by ``fhir.store``; each night is a
``RecallRun``. After each the books must balance, and agree with what the simulation itself knows about its people.
"""

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from django.conf import settings
from django.db.models import Sum
from django.utils import timezone

from fhir.store import Draft, save_many
from healthhub.accounts.actors import system_actor
from records.areas import areas_in_force
from records.models import AreaKind
from screening.failsafe.checks import find_lost
from screening.models import Balance, Capacity, Invitation, InvitationKind
from screening.protocol.eligibility import eligible
from screening.protocol.load import protocol_for
from screening.recall.reading import CODES, PREFIX
from screening.recall.run import carry_on, start_run

ACTOR = system_actor("simulation")
PROGRAMMES = ("colorectal", "cervical")
BATCH = 1000
NEVER = ("positive_without_round", "open_without_clock")  # of the failsafe's checks: the others wait for somebody
LOINC, SNOMED = "http://loinc.org", "http://snomed.info/sct"
# Shares a year, made up but of the right size for a city.
BIRTHS, DEATHS, IN, OUT, WITHIN = 0.012, 0.006, 0.01, 0.01, 0.02
REVIVED, REBORN, DEFERRED, OPTED, CEASED, UNASKED = 0.02, 0.001, 0.01, 0.003, 0.001, 0.02
POSITIVE, CORRECTED, WITHDRAWN, FOLLOWED = 0.06, 0.01, 0.005, 0.75
ANSWERS = (("always", 0.3, 0.9), ("sometimes", 0.5, 0.35), ("never", 0.2, 0.0))  # name, share of people, per call


@dataclass(slots=True)
class Person:
    """One inhabitant as the simulation knows her."""

    id: str
    sex: str
    birth_date: date
    ward: str | None  # None: has left the city
    answers: float
    alive: bool = True


@dataclass(slots=True)
class Night:
    """What a night found. ``known`` is how many people a programme is for by the simulation's own reckoning."""

    on: date
    differences: int
    eligible: dict[str, int]
    known: dict[str, int]
    lost: list[Any]
    counts: dict[str, int]


@dataclass(slots=True)
class City:
    """The city between two nights; ``run`` goes through the nights."""

    size: int
    seed: int
    first: date
    programmes: tuple[str, ...] = PROGRAMMES
    say: Callable[[str], None] = print
    people: list[Person] = field(default_factory=list)
    drafts: list[Draft] = field(default_factory=list)
    later: list[tuple[date, int, str, dict[str, Any]]] = field(default_factory=list)
    decided: list[dict[str, Any]] = field(default_factory=list)
    rng: Random = field(init=False)
    wards: list[str] = field(init=False)
    stations: list[str] = field(init=False)
    by_id: dict[str, Person] = field(default_factory=dict)
    today: date = field(default_factory=timezone.localdate)
    seen: int = 0
    serial: int = 0

    def __post_init__(self) -> None:
        self.rng = Random(self.seed)
        communes = areas_in_force(self.first, AreaKind.COMMUNE)
        self.wards = [area.code for area in communes]
        seats = {area.parent_id: area.code for area in reversed(communes)}
        self.stations = []
        for number, ward in enumerate(sorted(seats.values())):
            self.stations.append(f"sim-station-{number}")
            self._write(_station(self.stations[-1], f"018{number:02}", ward))
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

    def run(self, years: int, *, step: int = 7, check_every: int = 4) -> Iterator[Night]:
        """The nights, ``step`` days apart; what happened on the days between is written before each."""
        on, number = self.first, 0
        while on < self.first.replace(year=self.first.year + years):
            yield self._night(on, check=number % check_every == 0)
            self._live(on, on + timedelta(days=step), share=step / 365)
            on += timedelta(days=step)
            number += 1

    def _night(self, on: date, *, check: bool) -> Night:
        run = carry_on(start_run(on, only=self.programmes))
        books = Balance.objects.filter(on=on).values("programme").annotate(eligible=Sum("eligible"))
        found = find_lost(on) if check else {}
        lost = [one for key in found if key in NEVER for one in found[key]]
        return Night(
            on=on,
            differences=run.counts.get("differences", 0),
            eligible={row["programme"]: row["eligible"] for row in books},
            known={programme: self._known(programme, on) for programme in self.programmes} if check else {},
            lost=lost,
            counts=run.counts,
        )

    def _known(self, programme: str, on: date) -> int:
        protocol = protocol_for(programme, on)
        if protocol.valid_from > on:
            return 0
        living = (one for one in self.people if one.alive and one.ward)
        return sum(eligible(one, on, protocol).eligible for one in living)

    def _live(self, first: date, last: date, *, share: float) -> None:
        self._answer(first, last)
        while self.later and self.later[0][0] < last:
            day, _, kind, data = heapq.heappop(self.later)
            getattr(self, f"_{kind}")(day, data)
        for one in self._some(BIRTHS * share):
            self._settle(self._day(first, last), ward=one.ward)
        for _ in self._some(IN * share):
            self._settle(first - timedelta(days=self.rng.randrange(18 * 365, 80 * 365)))
        for one in self._some(DEATHS * share):
            if one.alive:
                one.alive = False
                self._write(self._patient(one, died=self._day(first, last)))
                if self.rng.random() < REVIVED:
                    self._plan(last + timedelta(days=self.rng.randrange(90)), "revive", {"person": one})
        for one in self._some(OUT * share):
            one.ward = None
            self._write(self._patient(one))
        for one in self._some(WITHIN * share):
            one.ward = self.rng.choice(self.wards)
            self._write(self._patient(one))
        for one in self._some(REBORN * share):
            one.birth_date -= timedelta(days=self.rng.randrange(1, 3000))
            self._write(self._patient(one))
        for one in self._some(UNASKED * share):
            if one.alive:
                programme = self.rng.choice(self.programmes)
                self._plan(self._day(first, last), "test", {"person": one, "programme": programme})
        self._decide(last, share)
        self._flush()

    def _answer(self, first: date, last: date) -> None:
        """Whom the last night called answers in the weeks to come, or does not."""
        rows = Invitation.objects.filter(pk__gt=self.seen, kind__in=(InvitationKind.CALL, InvitationKind.RECALL))
        for row in rows.order_by("pk").values("pk", "patient_id", "programme"):
            self.seen = row["pk"]
            one = self.by_id.get(row["patient_id"])
            if one and self.rng.random() < one.answers:
                day = first + timedelta(days=self.rng.randrange(3, 70))
                self._plan(day, "test", {"person": one, "programme": row["programme"]})

    def _test(self, day: date, data: dict[str, Any]) -> None:
        one = data["person"]
        if not one.alive or not one.ward or day >= self.today:
            return
        positive = self.rng.random() < POSITIVE
        resource = self._result(one, data["programme"], day, positive=positive)
        self._write(resource)
        soon = day + timedelta(days=self.rng.randrange(3, 40))
        if self.rng.random() < CORRECTED:
            self._plan(soon, "rewrite", {"resource": self._result(one, data["programme"], day, positive=not positive)
                       | {"id": resource["id"], "status": "corrected"}})  # fmt: skip
        elif self.rng.random() < WITHDRAWN:
            self._plan(soon, "rewrite", {"resource": resource | {"status": "entered-in-error"}})
        if positive and self.rng.random() < FOLLOWED:
            self._plan(soon + timedelta(days=40), "examination", data)

    def _rewrite(self, day: date, data: dict[str, Any]) -> None:
        self._write(data["resource"])

    def _examination(self, day: date, data: dict[str, Any]) -> None:
        one = data["person"]
        if not one.alive or day >= self.today:
            return
        colorectal = data["programme"] == "colorectal"
        local = {"system": settings.FHIR_SYSTEMS["screening"], "code": "normal"}
        self._write({
            "resourceType": "Procedure", "id": self._name("procedure"), "status": "completed",
            "code": {"coding": [{"system": SNOMED, "code": "73761001" if colorectal else "392003006"}]},
            "subject": {"reference": f"Patient/{one.id}"}, "performedDateTime": f"{day}",
            "outcome": {"coding": [local]},
        })  # fmt: skip

    def _revive(self, day: date, data: dict[str, Any]) -> None:
        data["person"].alive = True
        self._write(self._patient(data["person"]))

    def _decide(self, day: date, share: float) -> None:
        for rate, kind, reason in (
            (DEFERRED, "defer", "ill"), (OPTED, "opt_out", "not-wanted"), (CEASED, "cease", "organ-absent"),
        ):  # fmt: skip
            for one in self._some(rate * share):
                if not one.alive or day >= self.today:
                    continue
                end = day + timedelta(days=self.rng.randrange(30, 500))
                self.decided.append(self._decision(one, kind, reason, day, end))
                self._write(self.decided[-1])
        if self.decided and self.rng.random() < 0.3:
            undone = self.decided.pop(self.rng.randrange(len(self.decided)))
            self._write(undone | {"status": "revoked"})

    def _decision(self, one: Person, kind: str, reason: str, day: date, end: date) -> dict[str, Any]:
        def concept(code: str) -> dict[str, Any]:
            return {"coding": [{"system": settings.FHIR_SYSTEMS["screening"], "code": code}]}

        return {
            "resourceType": "ServiceRequest", "id": self._name("decision"), "status": "active", "intent": "directive",
            "doNotPerform": True, "category": [concept(CODES[kind])],
            "code": concept(f"{PREFIX}{self.rng.choice(self.programmes)}"),
            "subject": {"reference": f"Patient/{one.id}"}, "authoredOn": f"{day}", "reasonCode": [concept(reason)],
            "occurrencePeriod": {"end": f"{end}"}, "note": [{"text": "Mô phỏng"}],
        }  # fmt: skip

    def _result(self, one: Person, programme: str, day: date, *, positive: bool) -> dict[str, Any]:
        shared = {
            "resourceType": "Observation", "id": self._name("result"), "status": "final",
            "subject": {"reference": f"Patient/{one.id}"}, "effectiveDateTime": f"{day}",
            "performer": [{"reference": f"Organization/{self._station(one)}"}],
        }  # fmt: skip
        if programme == "colorectal":
            unit = {"unit": "ug/g", "system": "http://unitsofmeasure.org", "code": "ug/g"}
            value = Decimal(self.rng.randrange(20, 400) if positive else self.rng.randrange(20))
            code = {"coding": [{"system": LOINC, "code": "27396-1"}]}
            return shared | {"code": code, "valueQuantity": {"value": value, **unit}}
        found = {"system": SNOMED, "code": "10828004" if positive else "260385009"}
        code = {"coding": [{"system": LOINC, "code": "82675-0"}]}
        return shared | {"code": code, "valueCodeableConcept": {"coding": [found]}}

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
        self.people.append(one)
        self.by_id[one.id] = one
        self._write(self._patient(one))

    def _patient(self, one: Person, died: date | None = None) -> dict[str, Any]:
        """The Patient as it now stands; somebody who has left the city has an address without a unit of it."""
        uri = settings.FHIR_SYSTEMS["ward"]
        place = {"extension": [{"url": uri, "valueCoding": {"code": one.ward}}]} if one.ward else {}
        dead = {"deceasedDateTime": f"{died}"} if died else {} if one.alive else {"deceasedBoolean": True}
        return {
            "resourceType": "Patient", "id": one.id, "name": [{"text": "Người mô phỏng"}], "gender": one.sex,
            "birthDate": f"{one.birth_date}",
            "address": [{"use": "home", "text": "Mô phỏng", "period": {"start": f"{self.first}"}, **place}], **dead,
        }  # fmt: skip

    def _some(self, share: float) -> list[Person]:
        """So many of the people, at random."""
        count = len(self.people) * share
        whole = int(count) + (self.rng.random() < count % 1)
        return [self.rng.choice(self.people) for _ in range(whole)] if self.people else []

    def _station(self, one: Person) -> str:
        return self.stations[hash_of(one.id) % len(self.stations)]

    def _day(self, first: date, last: date) -> date:
        return first + timedelta(days=self.rng.randrange((last - first).days))

    def _plan(self, day: date, kind: str, data: dict[str, Any]) -> None:
        self.serial += 1
        heapq.heappush(self.later, (day, self.serial, kind, data))

    def _name(self, kind: str) -> str:
        self.serial += 1
        return f"sim{self.seed}-{kind}-{self.serial}"

    def _write(self, resource: dict[str, Any]) -> None:
        self.drafts.append(Draft.of(resource, facility=self.stations[0] if len(self.stations) > 1 else None))

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


def hash_of(text: str) -> int:
    """The same number in every process."""
    return sum(ord(letter) * (place + 1) for place, letter in enumerate(text))


def _station(name: str, code: str, ward: str) -> dict[str, Any]:
    uri = settings.FHIR_SYSTEMS["ward"]
    return {
        "resourceType": "Organization", "id": name, "name": f"Trạm mô phỏng {code}",
        "identifier": [{"system": settings.FHIR_SYSTEMS["facility"], "value": code}],
        "address": [{"text": "Hà Nội", "period": {"start": "2016-01-01"},
                     "extension": [{"url": uri, "valueCoding": {"code": ward}}]}],
    }  # fmt: skip
