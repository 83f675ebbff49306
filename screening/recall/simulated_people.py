"""The inhabitants of the simulated city, and how many of them a programme is for by the simulation's own reckoning."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from screening.protocol import Protocol
from screening.protocol.eligibility import eligible


@dataclass(slots=True)
class Person:
    """One inhabitant as the simulation knows her; the register changes her."""

    id: str
    sex: str
    birth_date: date
    ward: str | None  # None: has left the city
    answers: float
    alive: bool = True

    @property
    def here(self) -> bool:
        """Whether she lives, and in the city."""
        return self.alive and self.ward is not None


@dataclass(slots=True)
class Somebody:
    """Of a sex and an age, to ask the protocol about."""

    sex: str
    birth_date: date | None


@dataclass(slots=True)
class Register:
    """Who there is. Of those who live here it keeps how many were born on each day, so that counting is quick."""

    people: list[Person] = field(default_factory=list)
    by_id: dict[str, Person] = field(default_factory=dict)
    born: dict[tuple[str, int], Counter[tuple[int, int]]] = field(default_factory=lambda: defaultdict(Counter))

    def add(self, one: Person) -> None:
        """Somebody is born or moves in."""
        self.people.append(one)
        self.by_id[one.id] = one
        self._tally(one, 1)

    def change(self, one: Person, **what: Any) -> None:
        """Her ward, birth date or life changes."""
        self._tally(one, -1)
        for name, value in what.items():
            setattr(one, name, value)
        self._tally(one, 1)

    def eligible(self, protocol: Protocol, on: date, open_rounds: Iterable[str]) -> int:
        """For how many people the programme is: those of the age, and those with an open round who are not."""
        known = sum(self._of_year(protocol, on, sex, year) for sex, year in self.born)
        for name in open_rounds:
            one = self.by_id[name]
            if one.here and one.sex in protocol.sexes and not eligible(one, on, protocol).eligible:
                known += 1
        return known

    def _of_year(self, protocol: Protocol, on: date, sex: str, year: int) -> int:
        births = self.born[sex, year]
        older, younger = (
            eligible(Somebody(sex, date(year, month, day)), on, protocol).eligible for month, day in ((1, 1), (12, 31))
        )
        if older == younger:
            return births.total() if older else 0
        return sum(
            count
            for (month, day), count in births.items()
            if eligible(Somebody(sex, date(year, month, day)), on, protocol).eligible
        )

    def _tally(self, one: Person, change: int) -> None:
        if one.here:
            self.born[one.sex, one.birth_date.year][one.birth_date.month, one.birth_date.day] += change
