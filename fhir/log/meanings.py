"""What an action of the log is in FHIR's codes.

Types and subtypes are of the value sets audit-event-type and audit-event-sub-type: FHIR's RESTful interactions and
DICOM's audit messages. Every line has the log's own word as a further subtype, so that nothing is lost.
"""

from typing import Final, NamedTuple

from django.conf import settings

REST: Final = "http://terminology.hl7.org/CodeSystem/audit-event-type"
INTERACTION: Final = "http://hl7.org/fhir/restful-interaction"
DICOM: Final = "http://dicom.nema.org/resources/ontology/DCM"
_DISPLAY: Final = {
    "rest": "RESTful Operation",
    "110100": "Application Activity",
    "110106": "Export",
    "110110": "Patient Record",
    "110112": "Query",
    "110113": "Security Alert",
    "110114": "User Authentication",
    "110122": "Login",
    "110123": "Logout",
}


class Coding(NamedTuple):
    """A code of a system."""

    system: str
    code: str

    def element(self) -> dict[str, str]:
        """As FHIR has it."""
        display = _DISPLAY.get(self.code)
        return {"system": self.system, "code": self.code, **({"display": display} if display else {})}


class Meaning(NamedTuple):
    """``action`` is one of C, R, U, D, E; ``outcome`` 0 (done) or 4 (refused)."""

    type: Coding
    subtype: Coding | None
    action: str
    outcome: str = "0"


_REST: Final = Coding(REST, "rest")
_RECORD: Final = Coding(DICOM, "110110")
_OTHER: Final = Meaning(_RECORD, None, "E")
_MEANINGS: Final = {
    "create": Meaning(_REST, Coding(INTERACTION, "create"), "C"),
    "read": Meaning(_REST, Coding(INTERACTION, "read"), "R"),
    "update": Meaning(_REST, Coding(INTERACTION, "update"), "U"),
    "delete": Meaning(_REST, Coding(INTERACTION, "delete"), "D"),
    "search": Meaning(_REST, Coding(INTERACTION, "search-type"), "E"),
    "find": Meaning(Coding(DICOM, "110112"), None, "E"),
    "view": Meaning(_RECORD, None, "R"),
    "register": Meaning(_RECORD, None, "C"),
    "export": Meaning(Coding(DICOM, "110106"), None, "R"),
    "print": Meaning(Coding(DICOM, "110106"), None, "R"),
    "refused": Meaning(Coding(DICOM, "110113"), None, "E", "4"),
    "sign-in": Meaning(Coding(DICOM, "110114"), Coding(DICOM, "110122"), "E"),
    "sign-in-refused": Meaning(Coding(DICOM, "110114"), Coding(DICOM, "110122"), "E", "4"),
    "sign-out": Meaning(Coding(DICOM, "110114"), Coding(DICOM, "110123"), "E"),
}


def own_system() -> str:
    """The system of the log's own words for actions."""
    return settings.FHIR_SYSTEMS["access"]


def meaning_of(action: str) -> Meaning:
    """What an action means; one without a meaning of its own is something done with a record."""
    return _MEANINGS.get(action, _OTHER)


def actions_meaning(parameter: str, system: str | None, code: str) -> tuple[list[str], bool]:
    """The log's actions that a token of a search asks for, and whether all those without a meaning of their own too.

    ``system`` None is any system, an empty ``code`` any code of it.
    """
    found = [action for action, meaning in _MEANINGS.items() if _asked(parameter, meaning, action, system, code)]
    if parameter == "subtype" and system in (None, own_system()) and code:
        return list({*found, code}), False
    return found, _asked(parameter, _OTHER, "", system, code)


def _asked(parameter: str, meaning: Meaning, action: str, system: str | None, code: str) -> bool:
    if parameter in ("action", "outcome"):
        own = "audit-event-action" if parameter == "action" else "audit-event-outcome"
        value = meaning.action if parameter == "action" else meaning.outcome
        return system in (None, f"http://hl7.org/fhir/{own}") and code in ("", value)
    codings = [meaning.type] if parameter == "type" else [meaning.subtype, Coding(own_system(), action)]
    return any(one and system in (None, one.system) and code in ("", one.code) for one in codings)
