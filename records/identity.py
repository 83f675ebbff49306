"""Who somebody is, as pages show it: the identifiers shortened, the address on the old map and on today's."""

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from records.areas import successors
from records.identifiers import LABELS
from records.models import Area, BirthPrecision, Citizen

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

SEXES: Final["dict[str, _StrPromise]"] = {
    "male": _("Nam"),
    "female": _("Nữ"),
    "other": _("Khác"),
    "unknown": _("Không rõ"),
}


@dataclass(frozen=True, slots=True)
class Identity:
    """For the person banner and the citizen's own page; texts are "" where nothing is recorded.

    ``area`` names the unit as recorded, with its district; ``area_now`` the units that it belongs to today, "" if that
    is the same one.
    """

    id: str
    name: str
    birth: str
    age: int | None
    sex: "_StrPromise | str"
    id_tail: str
    insurance_tail: str
    phone: str
    address: str
    area: str
    area_now: str
    deceased: bool
    warnings: "list[_StrPromise | str]"


def identity(citizen: Citizen, *, on: date | None = None, with_area: bool = True) -> Identity:
    """The identity of a citizen (select ``area__parent`` with it); one or two statements more if ``with_area``."""
    area = citizen.area if with_area else None
    return Identity(
        id=citizen.pk,
        name=citizen.full_name,
        birth=written_birth(citizen),
        age=None if citizen.deceased else _age(citizen, on or timezone.localdate()),
        sex=SEXES.get(citizen.sex, ""),
        id_tail=citizen.cccd[-4:],
        insurance_tail=citizen.insurance_number[-4:],
        phone=citizen.phone,
        address=citizen.address_text,
        area=_with_district(area) if area else "",
        area_now=_now(area) if area else "",
        deceased=citizen.deceased,
        warnings=[LABELS[code] for code in citizen.warnings if code in LABELS and code != "demo-number"],
    )


def written_birth(citizen: Citizen) -> str:
    """The birth date as exactly as it is known: dd/mm/yyyy, mm/yyyy or yyyy."""
    if citizen.birth_date is None:
        return ""
    shape = {BirthPrecision.DAY: "%d/%m/%Y", BirthPrecision.MONTH: "%m/%Y", BirthPrecision.YEAR: "%Y"}
    return f"{citizen.birth_date:{shape.get(BirthPrecision(citizen.birth_precision), '%d/%m/%Y')}}"


def _age(citizen: Citizen, on: date) -> int | None:
    born = citizen.birth_date
    if born is None or born > on:
        return None
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


def _with_district(area: Area) -> str:
    return f"{area.name}, {area.parent.name}" if area.parent else area.name


def _now(area: Area) -> str:
    if area.valid_to is None:
        return ""
    return str(_(" hoặc ")).join(unit.name for unit in successors(area))
