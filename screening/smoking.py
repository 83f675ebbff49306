"""What a person smokes or smoked, as a clinic asks it at the desk: writing it, and reading it back.

One statement is three Observations: the smoking status (LOINC 72166-2, SNOMED CT, as US Core has it), the pack-years
(8664-5) and the day of stopping (74010-0, without a day where she has not stopped). The last two are what the lung
protocol reads. A facility has one statement of a person for a day, so to say it again is to correct it: the
Observations get a new version, and the old one stays readable.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from django.db import connection
from django.utils.translation import gettext_lazy as _

from fhir.store import Draft, Saved, save_many
from healthhub.accounts.actors import Actor
from records.access import RecordPolicy
from screening.protocol.codes import LOINC, SNOMED, UCUM
from screening.results import CATEGORY

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

STATUS: Final = "72166-2"
PACK_YEARS: Final = "8664-5"
STOPPED: Final = "74010-0"
UNIT: Final = "{PackYears}"
_ABSENT: Final = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
_TEXTS: Final = {STATUS: "Tình trạng hút thuốc", PACK_YEARS: "Số bao-năm", STOPPED: "Năm bỏ thuốc"}
_PARTS: Final = {STATUS: "", PACK_YEARS: "-packs", STOPPED: "-stopped"}
_STORED = """
SELECT r.id, r.version, r.facility, coalesce(f.name, ''), r.content FROM fhir_resource r
LEFT JOIN records_facility f ON f.organization_id = r.facility
WHERE r.type = 'Observation' AND r.patient = %s AND r.code = ANY(%s) AND NOT r.deleted AND r.id LIKE 'smoking-%%'
AND {may_read} ORDER BY r.starts DESC, r.id
"""


class Habit(StrEnum):
    """Whether somebody smokes."""

    NOW = "now"
    STOPPED = "stopped"
    NEVER = "never"


HABITS: "Final[dict[Habit, _StrPromise]]" = {
    Habit.NOW: _("Đang hút"),
    Habit.STOPPED: _("Đã bỏ"),
    Habit.NEVER: _("Chưa bao giờ hút"),
}
_SNOMED: Final = {
    Habit.NOW: ("77176002", "Smoker"),
    Habit.STOPPED: ("8517006", "Ex-smoker"),
    Habit.NEVER: ("266919005", "Never smoked tobacco"),
}


@dataclass(frozen=True, slots=True)
class Smoking:
    """What is said: ``pack_years`` 0 and no year for those who never smoked, ``stopped`` the year of stopping."""

    habit: Habit
    pack_years: Decimal
    stopped: int | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """What a facility (``facility``, its id) said on a day; ``seen`` are the versions that a correction must have seen,
    in the order of ``build_smoking``."""

    day: date
    said: Smoking
    facility: str
    place: str
    seen: tuple[int, ...]
    status: str

    @property
    def withdrawn(self) -> bool:
        """Whether it was entered in error."""
        return self.status == "entered-in-error"

    @property
    def word(self) -> "_StrPromise":
        """The habit in words."""
        return HABITS[self.said.habit]


def statement_id(*, patient: str, facility: str, on: date) -> str:
    """The id of the head of a facility's statement of a person for a day."""
    told = "\x1f".join((patient, facility, on.isoformat()))
    return f"smoking-{hashlib.blake2b(told.encode(), digest_size=16).hexdigest()}"


def build_smoking(*, patient: str, facility: str, said: Smoking, on: date, status: str) -> list[dict[str, Any]]:
    """The three Observations, the head last: what it names is there already."""
    head = statement_id(patient=patient, facility=facility, on=on)
    code, display = _SNOMED[said.habit]
    values: dict[str, dict[str, Any]] = {
        PACK_YEARS: {"valueQuantity": {"value": said.pack_years, "unit": "bao-năm", "system": UCUM, "code": UNIT}},
        STOPPED: {"valueDateTime": str(said.stopped)}
        if said.stopped
        else {"dataAbsentReason": {"coding": [{"system": _ABSENT, "code": "not-applicable"}]}},
        STATUS: {
            "valueCodeableConcept": {
                "coding": [{"system": SNOMED, "code": code, "display": display}],
                "text": _vietnamese(said.habit),
            },
            "hasMember": [{"reference": f"Observation/{head}{_PARTS[part]}"} for part in (PACK_YEARS, STOPPED)],
        },
    }
    return [
        {
            "resourceType": "Observation",
            "id": f"{head}{_PARTS[part]}",
            "status": status,
            "category": [{"coding": [{"system": CATEGORY, "code": "social-history", "display": "Social History"}]}],
            "code": {"coding": [{"system": LOINC, "code": part}], "text": _TEXTS[part]},
            "subject": {"reference": f"Patient/{patient}"},
            "effectiveDateTime": on.isoformat(),
            "performer": [{"reference": f"Organization/{facility}"}],
            **value,
        }
        for part, value in values.items()
    ]


def record_smoking(
    *, patient: str, facility: str, said: Smoking, on: date, seen: Sequence[int] = (), actor: Actor
) -> list[Saved]:
    """Keep a statement; ``seen`` are the versions that it corrects, none for a new one.

    Refused: 412 if there is another version, also where a new one would overwrite what is there.
    """
    status = "corrected" if seen else "final"
    built = build_smoking(patient=patient, facility=facility, said=said, on=on, status=status)
    return save_many(_drafts(built, facility, seen), actor=actor)


def withdraw_smoking(
    *, patient: str, facility: str, said: Smoking, on: date, seen: Sequence[int], actor: Actor
) -> list[Saved]:
    """Mark a statement as entered in error: it stays readable in the history, and puts nobody at risk."""
    built = build_smoking(patient=patient, facility=facility, said=said, on=on, status="entered-in-error")
    return save_many(_drafts(built, facility, seen), actor=actor)


def smoking_of(patient: str, *, actor: Actor) -> list[Statement]:
    """What was said of a person at the desk or in files, newest first, what was taken back too. One query.

    The caller has logged the access.
    """
    may_read = RecordPolicy().readable(actor)
    codes = [f"{LOINC}|{code}" for code in _PARTS]
    with connection.cursor() as cursor:
        cursor.execute(_STORED.format(may_read=may_read.sql), [patient, codes, *may_read.params])
        rows = cursor.fetchall()
    return _statements(rows)


def _statements(rows: Iterable[tuple[str, int, str, str, str]]) -> list[Statement]:
    parts = {id_: (version, facility, place, _parsed(content)) for id_, version, facility, place, content in rows}
    found = []
    for id_, (version, facility, place, head) in parts.items():
        packs, stopped = parts.get(f"{id_}{_PARTS[PACK_YEARS]}"), parts.get(f"{id_}{_PARTS[STOPPED]}")
        if packs is None or stopped is None:
            continue
        year = stopped[3].get("valueDateTime")
        said = Smoking(_habit(head), Decimal(packs[3]["valueQuantity"]["value"]), int(year[:4]) if year else None)
        day = date.fromisoformat(head["effectiveDateTime"][:10])
        found.append(Statement(day, said, facility, place, (packs[0], stopped[0], version), head["status"]))
    return found


def _habit(head: Mapping[str, Any]) -> Habit:
    code = head["valueCodeableConcept"]["coding"][0]["code"]
    return next(habit for habit, (known, _display) in _SNOMED.items() if known == code)


def _parsed(content: str) -> dict[str, Any]:
    resource: dict[str, Any] = json.loads(content, parse_float=Decimal)
    return resource


def _vietnamese(habit: Habit) -> str:
    return {Habit.NOW: "Đang hút", Habit.STOPPED: "Đã bỏ", Habit.NEVER: "Chưa bao giờ hút"}[habit]


def _drafts(built: Sequence[dict[str, Any]], facility: str, seen: Sequence[int]) -> list[Draft]:
    known: Sequence[int | None] = seen or [None] * len(built)
    drafts = [Draft.of(one, facility=facility, if_match=had) for one, had in zip(built, known, strict=True)]
    for draft in drafts:
        draft.only_new = not seen
    return drafts
