"""A stored resource as one line of a page: what, when, in which state, with what value."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

Json = Mapping[str, Any]

STATUSES: Final["dict[str, _StrPromise | str]"] = {
    "active": _("đang diễn ra"),
    "amended": _("đã sửa"),
    "arrived": _("đã đến"),
    "cancelled": _("đã hủy"),
    "completed": _("đã hoàn thành"),
    "confirmed": _("đã xác nhận"),
    "corrected": _("đã đính chính"),
    "final": _("kết quả cuối cùng"),
    "finished": _("đã kết thúc"),
    "inactive": _("không còn"),
    "in-progress": _("đang thực hiện"),
    "not-done": _("không thực hiện"),
    "on-hold": _("tạm dừng"),
    "planned": _("đã lên lịch"),
    "preliminary": _("kết quả sơ bộ"),
    "recurrence": _("tái phát"),
    "registered": _("đã tiếp nhận"),
    "relapse": _("tái phát"),
    "remission": _("thuyên giảm"),
    "resolved": _("đã khỏi"),
    "stopped": _("đã ngừng"),
    "unknown": _("không rõ"),
}

# Classes of visits (v3-ActCode), for Encounters that say no more about their kind.
VISITS: Final["dict[str, _StrPromise]"] = {
    "AMB": _("Khám ngoại trú"),
    "EMER": _("Cấp cứu"),
    "FLD": _("Khám lưu động"),
    "HH": _("Khám tại nhà"),
    "IMP": _("Điều trị nội trú"),
    "OBSENC": _("Nằm theo dõi"),
    "SS": _("Điều trị trong ngày"),
    "VR": _("Khám từ xa"),
}


@dataclass(frozen=True, slots=True)
class TypeShape:
    """Where a type keeps its title, its date and its state; the first element that is there counts."""

    titles: tuple[str, ...]
    dates: tuple[str, ...]
    statuses: tuple[str, ...] = ("status",)


SHAPES: Final[dict[str, TypeShape]] = {
    "AllergyIntolerance": TypeShape(("code",), ("onsetDateTime", "recordedDate"), ("clinicalStatus",)),
    "CarePlan": TypeShape(("title", "category", "description"), ("period", "created")),
    "Condition": TypeShape(("code",), ("onsetDateTime", "onsetPeriod", "recordedDate"), ("clinicalStatus",)),
    "DiagnosticReport": TypeShape(("code",), ("effectiveDateTime", "effectivePeriod", "issued")),
    "DocumentReference": TypeShape(("description", "type"), ("date",)),
    "Encounter": TypeShape(("type", "serviceType"), ("period",)),
    "FamilyMemberHistory": TypeShape(("relationship",), ("date",)),
    "Immunization": TypeShape(("vaccineCode",), ("occurrenceDateTime", "recorded")),
    "MedicationRequest": TypeShape(("medicationCodeableConcept", "medicationReference"), ("authoredOn",)),
    "MedicationStatement": TypeShape(
        ("medicationCodeableConcept", "medicationReference"), ("effectiveDateTime", "effectivePeriod", "dateAsserted")
    ),
    "Observation": TypeShape(("code",), ("effectiveDateTime", "effectivePeriod", "issued")),
    "Procedure": TypeShape(("code",), ("performedDateTime", "performedPeriod")),
    "ServiceRequest": TypeShape(("code",), ("occurrenceDateTime", "authoredOn")),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line. `when` is written out (dd/mm/yyyy, mm/yyyy or yyyy, as exact as the record is), "" if not recorded.

    `facility` and `author` name who wrote it; "" if not known.
    """

    type: str
    id: str
    title: str
    when: str
    status: "_StrPromise | str"
    value: str
    facility: str
    author: str

    def by(self, author: str) -> "Entry":
        """The same line, by somebody whose name was looked up since."""
        return replace(self, author=author)


def read_entry(resource: Json, *, facility: str = "", author: str = "") -> Entry:
    """The line for a resource of one of SHAPES."""
    shape = SHAPES[resource["resourceType"]]
    status = _first(resource, shape.statuses, read_code)
    return Entry(
        type=resource["resourceType"],
        id=resource["id"],
        title=_first(resource, shape.titles, read_text) or _visit(resource.get("class")) or "–",
        when=_first(resource, shape.dates, read_when),
        status=STATUSES.get(status, status),
        value=read_value(resource),
        facility=facility,
        author=author,
    )


def _visit(kind: Any) -> str:
    return str(VISITS.get(read_code(kind), "")) or read_text(kind)


def is_error(resource: Json) -> bool:
    """Whether its author has marked the resource as entered in error: it stays in the history, and off the page."""
    return "entered-in-error" in (resource.get("status"), read_code(resource.get("verificationStatus")))


def read_text(node: Any) -> str:
    """A concept, coding, reference, list of them or plain text, as a person reads it."""
    if isinstance(node, str):
        return node
    if isinstance(node, Sequence):
        return next((text for item in node if (text := read_text(item))), "")
    if not isinstance(node, Mapping):
        return ""
    return node.get("text") or read_text(node.get("coding")) or node.get("display") or node.get("code") or ""


def read_code(node: Any) -> str:
    """The first code of a code, coding or concept."""
    if isinstance(node, Mapping):
        codings = node.get("coding") or [node]
        return next((coding["code"] for coding in codings if coding.get("code")), "")
    return node if isinstance(node, str) else ""


def read_when(node: Any) -> str:
    """A FHIR date, dateTime, instant or the start of a Period, written as Vietnam does; a moment by Vietnam's clock."""
    text = node.get("start", "") if isinstance(node, Mapping) else node
    if not isinstance(text, str):
        return ""
    if len(text) == 4:
        return text
    if len(text) == 7:
        return f"{text[5:]}/{text[:4]}"
    try:
        day = date.fromisoformat(text) if len(text) == 10 else timezone.localdate(datetime.fromisoformat(text))
    except ValueError:
        return ""
    return f"{day:%d/%m/%Y}"


def read_value(resource: Json) -> str:
    """An Observation's value, or its components' values one by one; a report's conclusion; "" for the rest."""
    if resource.get("component"):
        parts = ((read_text(part.get("code")), _value(part)) for part in resource["component"])
        return "; ".join(f"{name}: {value}" for name, value in parts if value)
    return _value(resource) or resource.get("conclusion") or ""


def _value(node: Json) -> str:
    quantity = node.get("valueQuantity")
    if quantity and "value" in quantity:
        unit = quantity.get("unit") or quantity.get("code") or ""
        return f"{quantity.get('comparator', '')}{number_format(quantity['value'])} {unit}".strip()
    if "valueBoolean" in node:
        return str(_("có") if node["valueBoolean"] else _("không"))
    if "valueInteger" in node:
        return str(node["valueInteger"])
    if "valueDateTime" in node:
        return read_when(node["valueDateTime"])
    return (
        read_text(node.get("valueCodeableConcept"))
        or node.get("valueString")
        or read_text(node.get("dataAbsentReason"))
    )


def _first(resource: Json, names: Sequence[str], read: Callable[[Any], str]) -> str:
    return next((text for name in names if (text := read(resource.get(name)))), "")
