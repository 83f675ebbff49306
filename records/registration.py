"""Registering people: the one we know by this number and birth date, or a new Patient; never a silent merge."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Final, NamedTuple
from zlib import crc32

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from fhir import store
from fhir.ids import new_id
from fhir.outcomes import refuse
from fhir.validation.alike import are_sound
from healthhub.accounts.actors import Actor
from healthhub.audit.log import record_access
from healthhub.postgresql.wall import unwalled
from records.access import REGISTERS, presented_at
from records.areas import area_ids
from records.identifiers import (
    LABELS,
    Identifier,
    Malformed,
    insurance_key,
    parse_cccd,
    parse_insurance_number,
    parse_phone,
)
from records.models import Area, BirthPrecision, Citizen
from records.models.citizens import carrying
from records.names import fold
from records.new_patients import patient_resource

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

MESSAGES: Final["dict[str, _StrPromise]"] = {
    **LABELS,
    "name-missing": _("Thiếu họ và tên."),
    "birth-date": _("Ngày sinh phải từ 01/01/1900 đến hôm nay."),
    "sex": _("Giới tính không hợp lệ."),
    "area-unknown": _("Không có đơn vị hành chính nào mang mã xã này."),
    "facility-not-own": _("Bạn chỉ được đăng ký người cho cơ sở của mình."),
    "birth-date-conflict": _("Số định danh này đã được đăng ký với ngày sinh khác. Hãy kiểm tra lại giấy tờ."),
    "name-conflict": _("Số định danh này đã được đăng ký với họ tên khác hẳn. Hãy kiểm tra lại giấy tờ."),
    "two-people": _("Số căn cước và số thẻ bảo hiểm y tế thuộc về hai người khác nhau."),
}
SEXES: Final = frozenset({"male", "female", "other", "unknown"})
_LOCKS = 256
_LOCK = "SELECT pg_advisory_xact_lock(%s, bucket) FROM (SELECT unnest(%s::int[]) AS bucket ORDER BY 1) AS b"
_LOCK_SPACE = 0x48480001  # ours among advisory locks


class RegistrationError(Exception):
    """Why a person was not registered. `code` is a key of MESSAGES, `field` the name of the Registration's field."""

    def __init__(self, code: str, field: str) -> None:
        super().__init__(code)
        self.code = code
        self.field = field

    @property
    def message(self) -> "_StrPromise":
        """The reason, for a user."""
        return MESSAGES[self.code]


@dataclass(frozen=True, slots=True)
class Registration:
    """What is known of a person at the desk or in a row of a file.

    `sex` is FHIR's gender. `area_code` is read by `seen_on`, the day for which the address is known to be true,
    because codes of communes are re-used; without a day the newest unit of that code is meant. `facility` is for
    HealthHub's own imports, which write for many; anybody else registers for the own facility.
    """

    full_name: str
    birth_date: date
    sex: str
    cccd: str = ""
    insurance_number: str = ""
    phone: str = ""
    area_code: str = ""
    address_line: str = ""
    seen_on: date | None = None
    facility: str | None = None


class Registered(NamedTuple):
    """A person of a row; ``new`` if she was not known before this row."""

    patient_id: str
    new: bool


class _Known(NamedTuple):
    """Somebody registered, before or earlier in this batch."""

    patient_id: str
    full_name: str
    birth_date: date | None
    birth_precision: str


class Checked(NamedTuple):
    """A well-formed row: numbers normalised, area found."""

    row: Registration
    facility: str | None
    cccd: str
    insurance_number: str
    phone: str
    area: Area | None

    @property
    def numbers(self) -> set[str]:
        return {number for number in (self.cccd, insurance_key(self.insurance_number)) if number}


def register_citizen(
    *,
    full_name: str,
    birth_date: date,
    sex: str,
    cccd: str = "",
    insurance_number: str = "",
    phone: str = "",
    area_code: str = "",
    address_line: str = "",
    actor: Actor,
) -> str:
    """The id of this person's Patient, found by number and birth date or made. Raises RegistrationError."""
    row = Registration(full_name, birth_date, sex, cccd, insurance_number, phone, area_code, address_line)
    result = register_many([row], actor=actor)[0]
    if isinstance(result, RegistrationError):
        raise result
    return result.patient_id


def register_many(rows: Sequence[Registration], *, actor: Actor) -> list[Registered | RegistrationError]:
    """Register a batch in a constant number of statements: for each row the person or why not, in order.

    A person already known by number and birth date counts as having presented herself at the facility, which may read
    and write her record from then on. Bad rows do not hold back good ones. Without a number nobody is matched: each
    such row is a new person. Raises `fhir.outcomes.Refused` if the actor may not write health records.
    """
    if not actor.is_system and (actor.role not in REGISTERS or not actor.facility):
        raise refuse(403, "forbidden", "You may not register people.", "Patient")
    checked = _check(rows, actor=actor)
    answers: list[Registered | RegistrationError] = []
    drafts: list[store.Draft] = []
    found: set[tuple[str, str]] = set()
    doubted: set[str] = set()
    with transaction.atomic():
        known = _known({number for person in checked if isinstance(person, Checked) for number in person.numbers})
        for person in checked:
            if isinstance(person, RegistrationError):
                answers.append(person)
                continue
            same = {one.patient_id: one for number in person.numbers for one in known.get(number, ())}
            if not same:
                new = _Known(new_id(), person.row.full_name, person.row.birth_date, BirthPrecision.DAY)
                for number in person.numbers:
                    known.setdefault(number, []).append(new)
                drafts.append(store.Draft.of(patient_resource(new.patient_id, person), facility=person.facility))
                answers.append(Registered(new.patient_id, new=True))
                continue
            answer = _match(person, same)
            answers.append(answer)
            if isinstance(answer, RegistrationError):
                doubted |= same.keys()
            elif person.facility:
                found.add((answer.patient_id, person.facility))
        if drafts:
            store.save_many(drafts, actor=actor, checked=are_sound(draft.resource for draft in drafts))
        presented_at(found)
        for action, patients in (("register", {patient for patient, _ in found}), ("register-conflict", doubted)):
            if patients:
                record_access(actor=actor, action=action, patients=sorted(patients), resource_type="Patient")
    return answers


def _check(rows: Sequence[Registration], *, actor: Actor) -> list[Checked | RegistrationError]:
    ids = area_ids({(row.area_code, row.seen_on) for row in rows if row.area_code})
    areas = Area.objects.select_related("parent").in_bulk(set(ids.values())) if ids else {}
    checked: list[Checked | RegistrationError] = []
    for row in rows:
        try:
            checked.append(_check_row(row, actor=actor, area=areas.get(ids.get((row.area_code, row.seen_on), 0))))
        except RegistrationError as error:
            checked.append(error)
    return checked


def _check_row(row: Registration, *, actor: Actor, area: Area | None) -> Checked:
    if not row.full_name.strip():
        raise RegistrationError("name-missing", "full_name")
    if not date(1900, 1, 1) <= row.birth_date <= timezone.localdate():
        raise RegistrationError("birth-date", "birth_date")
    if row.sex not in SEXES:
        raise RegistrationError("sex", "sex")
    if row.area_code and area is None:
        raise RegistrationError("area-unknown", "area_code")
    if not actor.is_system and row.facility not in (None, actor.facility):
        raise RegistrationError("facility-not-own", "facility")
    return Checked(
        row,
        row.facility or actor.facility,
        _parsed(parse_cccd, row.cccd, "cccd"),
        _parsed(parse_insurance_number, row.insurance_number, "insurance_number"),
        _parsed(parse_phone, row.phone, "phone"),
        area,
    )


def _parsed(parse: Callable[[str], Identifier], text: str, field: str) -> str:
    try:
        return parse(text).value if text.strip() else ""
    except Malformed as error:
        raise RegistrationError(error.code, field) from None


@unwalled()
def _known(numbers: set[str]) -> dict[str, list[_Known]]:
    """Active citizens by each number they carry; locks the numbers, so that nobody registers them meanwhile."""
    if not numbers:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [_LOCK_SPACE, sorted({crc32(number.encode()) % _LOCKS for number in numbers})])
    citizens = Citizen.objects.filter(carrying(numbers), active=True)
    known: dict[str, list[_Known]] = {}
    for citizen in citizens.order_by("patient_id").only(
        "full_name", "birth_date", "birth_precision", "cccd", "insurance_number"
    ):
        one = _Known(citizen.patient_id, citizen.full_name, citizen.birth_date, citizen.birth_precision)
        for number in {citizen.cccd, insurance_key(citizen.insurance_number)} & numbers:
            known.setdefault(number, []).append(one)
    return known


def _match(person: Checked, same: dict[str, _Known]) -> Registered | RegistrationError:
    """Which of those with one of the person's numbers she is: same birth date, and a name that can be hers."""
    born_alike = [one for one in same.values() if _born_alike(person.row.birth_date, one)]
    if not born_alike:
        return RegistrationError("birth-date-conflict", "birth_date")
    if len(born_alike) < len(same):
        return RegistrationError("two-people", "insurance_number")
    named_alike = [one for one in born_alike if names_agree(person.row.full_name, one.full_name)]
    if not named_alike:
        return RegistrationError("name-conflict", "full_name")
    return Registered(named_alike[0].patient_id, new=False)


def _born_alike(birth_date: date, one: _Known) -> bool:
    if one.birth_date is None:
        return False
    length = {BirthPrecision.YEAR: 4, BirthPrecision.MONTH: 7}.get(BirthPrecision(one.birth_precision), 10)
    return birth_date.isoformat()[:length] == one.birth_date.isoformat()[:length]


def names_agree(one: str, other: str) -> bool:
    """Whether two full names can be one person's: the same given name, or much alike as a whole (a slip of the pen)."""
    first, second = fold(one), fold(other)
    if not first or not second or first.split()[-1] == second.split()[-1]:
        return True
    return SequenceMatcher(None, first, second).ratio() >= 0.75
