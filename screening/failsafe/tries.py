"""Tries to reach somebody that software sends: a Communication whose statusReason says what came of it.

``not-done`` if she was not reached, ``completed`` if she was spoken to. That she was told her result is another fact: a
completed Communication about the Observation, without any of these codes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from django.conf import settings

from fhir.hooks import Change, on_saved
from fhir.outcomes import Issue, Refused
from healthhub.accounts.actors import Actor
from screening.elements import codings, moment_of, pairs
from screening.failsafe.contacts import MODE_SYSTEM, MODES, record_contact
from screening.models import ContactOutcome, ContactWay, Episode, EpisodeState
from screening.protocol import programmes

NOT_REACHED: Final = (ContactOutcome.NO_ANSWER, ContactOutcome.WRONG_NUMBER, ContactOutcome.LEFT_MESSAGE)
SPOKEN_TO: Final = (ContactOutcome.AGREED, ContactOutcome.THINKING, ContactOutcome.DECLINED)
NOTE: Final = 2000  # characters


@on_saved("Communication")
def take_tries(changes: Sequence[Change], *, actor: Actor) -> None:
    """Keep each try as ``record_contact`` does; 422 for what says too little, or changes a try that was kept."""
    if actor.is_system:
        return
    for change in changes:
        if outcome := _said(change.previous, "contact-", "statusReason") or _said(
            change.resource, "contact-", "statusReason"
        ):
            if faults := list(_faults(change, outcome)):
                raise Refused(422, faults)
            _keep(change, outcome, actor)


def _keep(change: Change, outcome: str, actor: Actor) -> None:
    resource = change.resource or {}
    programme = _said(resource, "programme-", "topic")
    rounds = Episode.objects.filter(patient=change.patient, programme=programme).exclude(state=EpisodeState.CLOSED)
    sent = moment_of(resource.get("sent"))
    assert change.patient
    assert sent
    try:
        record_contact(
            patient_id=change.patient,
            programme=programme,
            episode=rounds.order_by("-opened_on").first(),
            contacted_at=sent,
            way=_way(resource),
            outcome=outcome,
            note=_note(resource),
            actor=actor,
        )
    except Refused as refused:
        raise Refused(
            refused.status, [replace(one, expression="Communication.sent") for one in refused.issues]
        ) from None


def _faults(change: Change, outcome: str) -> Iterator[Issue]:
    resource = change.resource
    if resource is None or change.previous is not None:
        yield _issue("", "A try to reach somebody stays as it was sent. Send another Communication.")
        return
    status = "not-done" if outcome in NOT_REACHED else "completed" if outcome in SPOKEN_TO else None
    if status is None:
        known = ", ".join(f"contact-{one}" for one in (*NOT_REACHED, *SPOKEN_TO))
        told = f"One of {known}; that she was told her result is said by a completed Communication about it."
        yield _issue("statusReason", told)
    elif resource.get("status") != status:
        yield _issue("status", f"contact-{outcome} goes with status {status}.")
    about = [*(resource.get("about") or ()), *(resource.get("reasonReference") or ())]
    if any((one.get("reference") or "").startswith("Observation/") for one in about):
        yield _issue(
            "about", "A Communication about an Observation says that she was told of it; leave it out of a try."
        )
    if change.patient is None:
        yield _issue("subject", "Say whom you tried to reach.")
    if _said(resource, "programme-", "topic") not in programmes():
        yield _issue("topic", f"Say for which programme: {', '.join(f'programme-{one}' for one in programmes())}.")
    if not _way(resource):
        modes = ", ".join(dict.fromkeys(code for code, _display in MODES.values()))
        ways = ", ".join(f"way-{one}" for one in ContactWay)
        yield _issue("medium", f"Say how you tried: one of {modes} of {MODE_SYSTEM}, or of ours one of {ways}.")
    if moment_of(resource.get("sent")) is None:
        yield _issue("sent", "Say when you tried, with time and time zone.")
    if len(_note(resource)) > NOTE:
        yield _issue("note", f"The notes are longer than {NOTE} characters.")


def _said(resource: Mapping[str, Any] | None, prefix: str, element: str) -> str:
    """What a local code with this prefix says in an element, "" without one."""
    for coding in codings((resource or {}).get(element)):
        code = str(coding.get("code") or "")
        if coding.get("system") == settings.FHIR_SYSTEMS["screening"] and code.startswith(prefix):
            return code.removeprefix(prefix)
    return ""


def _way(resource: Mapping[str, Any]) -> str:
    """How, by our codes or those of v3-ParticipationMode; "" if it does not say."""
    said = {pair for concept in resource.get("medium") or () for pair in pairs(concept)}
    for way in ContactWay:
        if (settings.FHIR_SYSTEMS["screening"], f"way-{way}") in said:
            return way.value
    return next((way.value for way, (code, _display) in MODES.items() if (MODE_SYSTEM, code) in said), "")


def _note(resource: Mapping[str, Any]) -> str:
    return " ".join(one["text"] for one in resource.get("note") or () if one.get("text"))


def _issue(element: str, diagnostics: str) -> Issue:
    return Issue("error", "business-rule", f"Communication.{element}" if element else "Communication", diagnostics)
