"""A decision not to call somebody, as FHIR has it: ServiceRequest with doNotPerform.

``code`` is the programme (local ``programme-<key>``), ``category`` the kind (local ``decision-defer``,
``decision-opt-out``, ``decision-cease``), ``reasonCode`` a code of ``recall.reasons``; ``occurrencePeriod.end`` the day
on which a deferral ends, or on which the decision to cease is reviewed; ``note`` or ``supportingInfo`` the evidence.
``status`` active, or revoked once it is undone.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.conf import settings

from fhir.outcomes import Issue
from screening.facts import day_of
from screening.models import DecisionKind
from screening.protocol import programmes
from screening.recall.reasons import REASONS

Json = Mapping[str, Any]
KINDS = {f"decision-{kind.value.replace('_', '-')}": kind.value for kind in DecisionKind}
CODES = {kind: code for code, kind in KINDS.items()}
PREFIX = "programme-"
LONGEST_DEFERRAL = timedelta(days=2 * 366)
LONGEST_REVIEW = timedelta(days=5 * 366)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a resource of this shape says, "" and None where it says nothing. ``ends_on`` is the period's end."""

    programme: str
    kind: str
    reason: str
    evidence: str
    made_on: date | None
    ends_on: date | None
    by_citizen: bool
    undone: bool


def programme_of(resource: Json) -> str | None:
    """The programme that the request is about; None unless it is one not to perform a screening programme."""
    if resource.get("doNotPerform") is not True:
        return None
    return next((code.removeprefix(PREFIX) for code in _ours(resource.get("code")) if code.startswith(PREFIX)), None)


def read_decision(resource: Json) -> Reading | None:
    """The decision; None for a resource that is none, or was entered in error."""
    programme = programme_of(resource)
    if programme is None or resource.get("status") == "entered-in-error":
        return None
    codes = [code for concept in resource.get("category") or () for code in _ours(concept)]
    reasons = [code for concept in resource.get("reasonCode") or () for code in _ours(concept)]
    notes = [note.get("text", "") for note in resource.get("note") or ()]
    papers = [info.get("display") or info.get("reference") or "" for info in resource.get("supportingInfo") or ()]
    period = resource.get("occurrencePeriod") or {}
    return Reading(
        programme=programme,
        kind=next((KINDS[code] for code in codes if code in KINDS), ""),
        reason=reasons[0] if reasons else "",
        evidence="\n".join(text for text in (*notes, *papers) if text.strip())[:2000],
        made_on=day_of(resource.get("authoredOn")) or day_of(period.get("start")),
        ends_on=day_of(period.get("end")),
        by_citizen=((resource.get("requester") or {}).get("reference") or "").startswith("Patient/"),
        undone=resource.get("status") != "active",
    )


def faults_of(resource: Json, *, patient: str | None, today: date) -> Iterator[Issue]:
    """Why a decision cannot be taken as it stands: nobody is left out of a programme without a reason on record."""
    found = read_decision(resource)
    if found is None:
        return
    if patient is None:
        yield _issue("required", "subject", "A decision not to call needs the person it is about.")
    if found.programme not in programmes():
        yield _issue("code-invalid", "code", f"There is no programme {found.programme!r}: {', '.join(programmes())}.")
    if not found.kind:
        yield _issue("required", "category", f"Say what was decided: one of {', '.join(KINDS)}.")
        return
    if found.undone:
        return
    if found.reason not in REASONS[found.kind]:
        known = ", ".join(REASONS[found.kind])
        yield _issue("code-invalid", "reasonCode", f"The reason {found.reason!r} is none of {known}.")
    if found.made_on is None:
        yield _issue("required", "authoredOn", "A decision needs its day: authoredOn.")
        return
    if found.made_on > today + timedelta(days=1):
        yield _issue("value", "authoredOn", f"A decision cannot be from the future ({found.made_on}).")
    if found.kind == DecisionKind.CEASE and not found.evidence:
        yield _issue(
            "required",
            "note",
            "Nobody is ceased without evidence: name the paper or finding in note, or refer to it in supportingInfo.",
        )
    if found.kind != DecisionKind.OPT_OUT:
        yield from _end(found, found.made_on)


def _end(found: Reading, made_on: date) -> Iterator[Issue]:
    what, longest = (
        ("a deferral ends", LONGEST_DEFERRAL)
        if found.kind == DecisionKind.DEFER
        else ("this is looked at again", LONGEST_REVIEW)
    )
    if found.ends_on is None:
        yield _issue("required", "occurrencePeriod.end", f"Say on which day {what}: occurrencePeriod.end.")
    elif found.ends_on <= made_on:
        yield _issue("value", "occurrencePeriod.end", f"The day on which {what} must be after {made_on}.")
    elif found.ends_on > made_on + longest:
        yield _issue(
            "value", "occurrencePeriod.end", f"The day on which {what} must be {made_on + longest} at the latest."
        )


def _ours(concept: Any) -> list[str]:
    system = settings.FHIR_SYSTEMS["screening"]
    codings = concept.get("coding") or () if isinstance(concept, Mapping) else ()
    return [coding.get("code", "") for coding in codings if coding.get("system") == system]


def _issue(code: str, field: str, diagnostics: str) -> Issue:
    return Issue("error", code, f"ServiceRequest.{field}", diagnostics)
