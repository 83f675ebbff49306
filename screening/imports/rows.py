"""One row of a file, in order and ready for the store."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any, Final, NamedTuple
from uuid import UUID
from zlib import crc32

from django.utils.translation import get_language

from records.identifiers import insurance_key
from records.models import Facility
from records.registration import Registration
from screening.imports.columns import Column
from screening.imports.reading import SourceRow
from screening.imports.values import DENSITY, Identity

LANES: Final = 2


class Problem(NamedTuple):
    """Why a row is refused; ``column`` is None where it is the row as a whole, ``code`` is the matching queue's reason
    where it has one for just this."""

    column: Column | None
    reason: str
    code: str = ""


class Notice(NamedTuple):
    """Something that was repaired or looks odd in a row that is taken."""

    column: Column
    text: str


@dataclass(frozen=True, slots=True)
class Rules:
    """What rows are checked against: facilities by code, the only one allowed (None: all), and today.

    ``loose``: a machine's results, which need not say whose they are.
    """

    facilities: Mapping[str, Facility]
    own: str | None
    today: date
    loose: bool = False


@dataclass(eq=False)
class Row:
    """A row in order, ready for the store. Without ``identity`` it does not say by a number whose it is; ``outcome`` is
    what its result counts as, by the protocol."""

    source: SourceRow
    facility: Facility
    specimen_id: str
    identity: Identity | None
    full_name: str
    birth_date: date | None
    sex: str
    phone: str
    area_code: str
    test: str
    collected_on: date
    result_text: str
    unit: str
    resulted_on: date | None
    note: str
    outcome: str = ""
    kit: str = ""
    cutoff: Decimal | None = None
    cutoff_unit: str = ""
    density: str = ""
    notices: list[Notice] = field(default_factory=list)

    @property
    def number(self) -> int:
        """The row's number in the file."""
        return self.source.number

    @property
    def held(self) -> tuple[str, str, str]:
        """The identity of a result: facility, specimen and test."""
        return self.facility.organization_id, self.specimen_id, self.test

    @property
    def names_person(self) -> bool:
        """Whether it tells enough of the person to register her."""
        return bool(self.identity and self.full_name and self.birth_date and self.sex)

    @property
    def numbers(self) -> set[str]:
        """The person's numbers, as they are compared."""
        return {self.identity.cccd, insurance_key(self.identity.insurance_number)} - {""} if self.identity else set()

    @property
    def lane(self) -> int:
        """In which of the lanes (see ``lanes``) the row is stored: by the upper bit of what registering locks."""
        return crc32(min(self.numbers, default="").encode()) % 256 * LANES // 256

    @cached_property
    def key(self) -> UUID:
        """A digest of the identity."""
        return _digest(*self.held)

    @cached_property
    def content(self) -> UUID:
        """A digest of all that the row says."""
        return _digest(
            *self.held,
            *(self.identity[:2] if self.identity else ("", "")),
            self.full_name,
            *map(str, (self.birth_date, self.sex, self.phone, self.area_code, self.collected_on, self.resulted_on)),
            self.result_text,
            self.unit,
            self.note,
            *(self.kit, "" if self.cutoff is None else f"{self.cutoff:f} {self.cutoff_unit}"),
            *filter(None, [self.density]),
        )

    def result(self) -> dict[str, Any]:
        """The result, for ``build_result``; whose it is comes apart."""
        return {
            "facility": self.facility,
            "test": self.test,
            "value": self.result_text,
            "unit": self.unit,
            "collected_on": self.collected_on,
            "resulted_on": self.resulted_on,
            "specimen_id": self.specimen_id,
            "note": self.note,
            "kit": self.kit,
            "cutoff": self.cutoff,
            "cutoff_unit": self.cutoff_unit,
            "components": {DENSITY: self.density} if self.density else None,
        }

    def parked(self) -> dict[str, Any]:
        """All that is known, by the names of ``laboratory.matching.FIELDS``."""
        who = {name: getattr(self, name) for name in ("full_name", "birth_date", "sex", "phone")}
        if self.identity:
            who |= {"cccd": self.identity.cccd, "insurance_number": self.identity.insurance_number}
        told = {name: value for name, value in self.result().items() if name not in ("facility", "components")}
        return who | told | {"density": self.density}

    def registration(self) -> Registration:
        """The person, for ``register_many``; only if the row ``names_person``."""
        assert self.identity
        assert self.birth_date
        return Registration(
            full_name=self.full_name,
            birth_date=self.birth_date,
            sex=self.sex,
            cccd=self.identity.cccd,
            insurance_number=self.identity.insurance_number,
            phone=self.phone,
            area_code=self.area_code,
            seen_on=self.collected_on,
            facility=self.facility.organization_id,
        )


def in_language(text: Mapping[str, str]) -> str:
    """A protocol's text in the active language."""
    return text["en" if (get_language() or "vi").startswith("en") else "vi"]


def _digest(*parts: str) -> UUID:
    return UUID(bytes=hashlib.blake2b("\x1f".join(parts).encode(), digest_size=16).digest())
