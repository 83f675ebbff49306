"""Writes the acknowledgement of an HL7 message: what became of it, and where it is at fault."""

import re
from collections.abc import Sequence
from typing import Final

from django.utils import timezone

from fhir.ids import new_id
from screening.imports.columns import Column
from screening.machines.heads import Head

#: HL7 table 0357.
_ERRORS: Final = {
    "100": "Segment sequence error",
    "101": "Required field missing",
    "102": "Data type error",
    "103": "Table value not found",
    "200": "Unsupported message type",
    "204": "Unknown key identifier",
    "205": "Duplicate key identifier",
    "207": "Application internal error",
}
_PLACES: Final = {
    Column.CITIZEN_ID: "PID^1^3",
    Column.FULL_NAME: "PID^1^5",
    Column.BIRTH_DATE: "PID^1^7",
    Column.SEX: "PID^1^8",
    Column.SPECIMEN_ID: "OBR^1^3",
    Column.COLLECTED_ON: "OBR^1^7",
    Column.RESULTED_ON: "OBR^1^22",
}
_FIELD: Final = {Column.TEST: "3", Column.RESULT: "5", Column.UNIT: "6", Column.CUTOFF: "7", Column.KIT: "17"}

Fault = tuple[str, str, str]  # (place, code of table 0357, text)


def place_of(place: str, column: Column | None) -> str:
    """Where a column of a result stands in its message: "OBX^2^6"."""
    if column in _PLACES:
        return _PLACES[column]
    return f"{place}^{_FIELD[column]}" if column in _FIELD else place


def acknowledge(head: Head | None, code: str, text: str, faults: Sequence[Fault] = ()) -> str:
    """An ACK by the sender's separators. ``code`` is AA, AE or AR."""
    marks = head.separators if head else "|^~\\&"
    bar, component = marks[0], marks[1]

    def put(*fields: str) -> str:
        return bar.join(fields)

    control = head.control_id if head else ""
    lines = [
        put(
            "MSH",
            marks[1:],
            "HealthHub",
            _safe(head.receiving_facility if head else "", marks),
            _safe(head.application if head else "", marks),
            _safe(head.facility if head else "", marks),
            f"{timezone.localtime():%Y%m%d%H%M%S%z}",
            "",
            component.join(("ACK", "R01", "ACK")),
            new_id().replace("-", "")[:20],
            head.processing if head else "P",
            "2.5.1",
            *[""] * 5,
            "UNICODE UTF-8",
        ),
        put("MSA", code, _safe(control, marks), _safe(text, marks)),
    ]
    for place, error, told in faults[:20]:
        location = component.join(place.split("^"))
        kind = component.join((error, _ERRORS[error], "HL70357"))
        lines.append(put("ERR", "", location, kind, "E", "", "", "", _safe(told, marks)))
    return "\r".join(lines) + "\r"


def _safe(text: str, marks: str) -> str:
    """Text within a field: separators written as escapes, control characters as blanks."""
    letters = {mark: f"{marks[3]}{letter}{marks[3]}" for mark, letter in zip(marks, "FSRET", strict=False)}
    return re.sub(r"[\x00-\x1f]+", " ", "".join(letters.get(char, char) for char in text))
