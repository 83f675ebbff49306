"""What a Task says: of which round it is, and why, as a coded reason of the protocol and notes in words."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from django.conf import settings

from fhir.outcomes import Refused
from screening.elements import codings
from screening.failsafe.closing import needs_evidence
from screening.protocol.shapes import Reason

_PLACES: Final = {
    "evidence": "Task.note",
    "on": "Task.authoredOn",
    "episode": "Task.focus",
    "known": "Task.input",
    "request": "Task.status",
    "why": "Task.note",
}
GIVEN_UP: Final = ("cancelled", "rejected", "failed")
#: What nobody changes of a step's Task.
FIXED: Final = ("identifier", "basedOn", "code", "for", "owner", "focus", "restriction", "intent", "input")
LONGEST: Final = 500  # characters that a closing's evidence may have


def reason_of(concept: Any) -> str:
    """The key of the protocol's reason, "" without one."""
    for coding in codings(concept):
        if coding.get("system") == settings.FHIR_SYSTEMS["screening"]:
            return str(coding.get("code") or "").removeprefix("reason-")
    return ""


def round_of(resource: Mapping[str, Any] | None) -> str | None:
    """The id of the round whose step a Task is."""
    for identifier in (resource or {}).get("identifier") or ():
        if identifier.get("system") == settings.FHIR_SYSTEMS["round"]:
            try:
                return str(UUID(identifier.get("value") or ""))
            except ValueError:  # somebody's own Task
                return None
    return None


def note_of(resource: Mapping[str, Any]) -> str:
    """All notes as one text."""
    return " ".join(one["text"] for one in resource.get("note") or () if one.get("text"))


@contextmanager
def told_of_task() -> Iterator[None]:
    """Say of a refusal where in the Task its cause is, not in the form of a page."""
    try:
        yield
    except Refused as refused:
        issues = [replace(one, expression=_PLACES.get(one.expression, one.expression)) for one in refused.issues]
        raise Refused(refused.status, issues) from None


def said_of(resource: Mapping[str, Any], rule: Reason) -> dict[str, str]:
    """The notes as ``close_step`` takes them: the evidence, where the reason needs one."""
    return {"evidence" if needs_evidence(rule) else "note": note_of(resource)}
