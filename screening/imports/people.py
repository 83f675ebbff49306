"""Who the rows are about: somebody known, somebody new, or somebody nearly known, which only a person may decide.

Nobody is written here. When a row is stored, ``register_many`` asks again under its locks.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Final, NamedTuple

from django.db import connection
from django.utils.translation import gettext_lazy as _

from records.identifiers import insurance_key
from records.models import BirthPrecision, Citizen
from records.models.citizens import carrying
from records.names import fold
from records.registration import MESSAGES, names_agree
from screening.imports.columns import Column
from screening.imports.rows import Row
from screening.models import RowKind, Specimen

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

MOST: Final = 5  # candidates that are kept of a row
_NEAR = """
SELECT k.row, c.patient_id, c.cccd, c.insurance_number
FROM unnest(%s::int[], %s::text[], %s::date[], %s::text[]) AS k(row, name, born, sex)
CROSS JOIN LATERAL (
  SELECT patient_id, cccd, insurance_number FROM records_citizen
  WHERE birth_date = k.born AND folded_name = k.name AND sex = k.sex AND active LIMIT 50
) AS c
"""
NEAR: Final["_StrPromise"] = _("Có người cùng họ tên, ngày sinh nhưng số định danh khác một chút hoặc chưa có.")
NAMELESS: Final["_StrPromise"] = _("Dòng không ghi số định danh; cần chọn người.")


class Known(NamedTuple):
    """Somebody who carries a number of the rows."""

    patient_id: str
    full_name: str
    birth_date: date | None
    precision: str


@dataclass(frozen=True, slots=True)
class Found:
    """Whose a row is: ``patient`` if it is certainly somebody known. ``kind`` is NEW, MATCHED, CLOSE or NOBODY;
    ``reason`` says why it is not certain, about ``column``; ``code`` is the same for the matching queue."""

    kind: RowKind = RowKind.NEW
    patient: str = ""
    candidates: list[str] = field(default_factory=list)
    column: Column | None = None
    reason: "_StrPromise | str" = ""
    code: str = "person_unknown"


def identify(rows: Sequence[Row]) -> dict[int, Found]:
    """By row number; three statements, whatever the number of rows."""
    holders = _holders({number for row in rows for number in row.numbers})
    found: dict[int, Found] = {}
    unknown: list[Row] = []
    for row in rows:
        same = {one.patient_id: one for number in row.numbers for one in holders.get(number, ())}
        if row.names_person and same:
            found[row.number] = _held(row, same)
        else:
            unknown.append(row)
    of_specimen = _of_specimens([row for row in unknown if not row.names_person])
    near = _near([row for row in unknown if row.full_name and row.birth_date and row.sex])
    for row in unknown:
        found[row.number] = _unknown(row, of_specimen.get((row.facility.pk, row.specimen_id), []), near[row.number])
    return found


def conflict(row: Row, code: str) -> Found:
    """What ``register_many`` refused with ``code`` although nothing was against the row when it was read."""
    column = {"birth-date-conflict": Column.BIRTH_DATE, "name-conflict": Column.FULL_NAME}.get(code, Column.CITIZEN_ID)
    same = {one.patient_id for holders in _holders(row.numbers).values() for one in holders}
    return Found(RowKind.CLOSE, "", sorted(same)[:MOST], column, MESSAGES[code], "person_differs")


def _holders(numbers: set[str]) -> dict[str, list[Known]]:
    if not numbers:
        return {}
    citizens = Citizen.objects.filter(carrying(numbers), active=True).order_by("patient_id")
    holders: dict[str, list[Known]] = {}
    for patient, name, born, precision, cccd, bhyt in citizens.values_list(
        "patient_id", "full_name", "birth_date", "birth_precision", "cccd", "insurance_number"
    ):
        for number in {cccd, insurance_key(bhyt)} & numbers:
            holders.setdefault(number, []).append(Known(patient, name, born, precision))
    return holders


def _held(row: Row, same: Mapping[str, Known]) -> Found:
    """As ``records.registration`` judges it: one birth date, and a name that can be hers."""
    alike = [one for one in same.values() if _born_alike(row.birth_date, one)]
    if alike and len(alike) == len(same):
        named = [one for one in alike if names_agree(row.full_name, one.full_name)]
        if named:
            return Found(RowKind.MATCHED, named[0].patient_id)
        return Found(
            RowKind.CLOSE, "", sorted(same)[:MOST], Column.FULL_NAME, MESSAGES["name-conflict"], "person_differs"
        )
    code, column = ("two-people", Column.CITIZEN_ID) if alike else ("birth-date-conflict", Column.BIRTH_DATE)
    return Found(RowKind.CLOSE, "", sorted(same)[:MOST], column, MESSAGES[code], "person_differs")


def _unknown(row: Row, of_specimen: Sequence[str], near: Sequence[tuple[str, set[str]]]) -> Found:
    if not row.names_person:
        if len(of_specimen) == 1:
            return Found(RowKind.MATCHED, of_specimen[0])
        people = sorted({*of_specimen, *(patient for patient, _numbers in near)})[:MOST]
        kind = RowKind.CLOSE if people else RowKind.NOBODY
        code = "person_ambiguous" if len(people) > 1 else "person_unknown"
        return Found(kind, "", people, Column.CITIZEN_ID, NAMELESS, code)
    people = sorted(patient for patient, theirs in near if any(_is_near(mine, theirs) for mine in row.numbers))[:MOST]
    if people:
        return Found(RowKind.CLOSE, "", people, Column.CITIZEN_ID, NEAR, "person_ambiguous")
    return Found()


def _of_specimens(rows: Sequence[Row]) -> dict[tuple[str, str], list[str]]:
    """Whose the tube is, as the laboratory has received or given it out: by facility and barcode."""
    if not rows:
        return {}
    specimens = Specimen.objects.filter(
        barcode__in={row.specimen_id for row in rows}, facility__in={row.facility.pk for row in rows}
    )
    found: dict[tuple[str, str], list[str]] = {}
    for facility, barcode, patient in specimens.values_list("facility_id", "barcode", "patient_id").distinct():
        found.setdefault((facility or "", barcode), []).append(patient)
    return found


def _near(rows: Sequence[Row]) -> dict[int, list[tuple[str, set[str]]]]:
    """People of the same name, sex and birth date, or with day and month changed about; with their numbers."""
    asked = [(row.number, fold(row.full_name), born, row.sex) for row in rows for born in _births(row.birth_date)]
    found: dict[int, list[tuple[str, set[str]]]] = _Empty()
    if asked:
        with connection.cursor() as cursor:
            cursor.execute(_NEAR, [list(column) for column in zip(*asked, strict=True)])
            for number, patient, cccd, bhyt in cursor.fetchall():
                found.setdefault(number, []).append((patient, {cccd, insurance_key(bhyt)} - {""}))
    return found


class _Empty(dict[int, list[tuple[str, set[str]]]]):
    """Answers a row that is not there with nobody."""

    def __missing__(self, key: int) -> list[tuple[str, set[str]]]:
        return []


def _births(born: date | None) -> Iterable[date]:
    if born is None:
        return
    yield born
    if born.day <= 12 and born.day != born.month:
        yield born.replace(day=born.month, month=born.day)


def _is_near(number: str, theirs: set[str]) -> bool:
    """Whether a namesake's numbers speak for one person: none of that kind, or one slip of the finger apart."""
    alike = [other for other in theirs if len(other) == len(number)]
    return not alike or any(_one_slip(number, other) for other in alike)


def _one_slip(one: str, other: str) -> bool:
    """One digit wrong, or two neighbours changed about."""
    wrong = [place for place, (mine, yours) in enumerate(zip(one, other, strict=True)) if mine != yours]
    if len(wrong) == 2:
        first, second = wrong
        return second == first + 1 and one[first] == other[second] and one[second] == other[first]
    return len(wrong) == 1


def _born_alike(birth_date: date | None, one: Known) -> bool:
    if one.birth_date is None or birth_date is None:
        return False
    length = {BirthPrecision.YEAR: 4, BirthPrecision.MONTH: 7}.get(BirthPrecision(one.precision), 10)
    return birth_date.isoformat()[:length] == one.birth_date.isoformat()[:length]
