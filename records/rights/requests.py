"""People ask for their record to be corrected, or something deleted; whoever wrote it answers, in the law's time."""

import json
from datetime import date
from typing import Final

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.utils import timezone

from fhir.models import Resource
from fhir.outcomes import refuse
from fhir.reader import read
from healthhub.accounts.actors import Actor
from healthhub.audit.log import record_access
from records.access import Action, Thing, What, Whose, may, roles_with
from records.areas import units_within
from records.display import SHAPES, read_entry
from records.models import Citizen, Facility, RecordRequest, RequestKind, RequestState
from records.rights.clocks import answer_by, done_by

#: Who answers for a facility, and who, for people of their part of the city, where no facility does.
_FACILITY: Final = roles_with(Action.MANAGE, What.REQUESTS, Whose.FACILITY)
_AREA: Final = roles_with(Action.MANAGE, What.REQUESTS, Whose.AREA)
ANSWERS: Final = _FACILITY | _AREA
MOST_OPEN: Final = 20
OPEN: Final = (RequestState.ASKED, RequestState.ACCEPTED)


def ask_about_record(*, kind: str, text: str, actor: Actor, about: tuple[str, str] | None = None) -> RecordRequest:
    """A request of the actor about her own record; ``about`` is (type, id) of an entry, None for who she is.

    It goes to the facility that wrote the entry; about who she is, to the one that looks after her. PermissionDenied if
    the record is not hers, Refused (404) if the entry is none that she may read, (422) if too many are open already.
    """
    patient = actor.patient
    if patient is None or not may(actor, Action.WRITE, Thing(What.REQUESTS, patient=patient)):
        raise PermissionDenied
    if RecordRequest.objects.filter(patient_id=patient, state__in=OPEN).count() >= MOST_OPEN:
        raise refuse(422, "business-rule", f"{MOST_OPEN} requests are open already.", "")
    title, facility = entry_of(*about, actor=actor) if about else ("", Citizen.objects.get(pk=patient).facility_id)
    now = timezone.now()
    asked = timezone.localdate(now)
    made = RecordRequest.objects.create(
        patient_id=patient,
        kind=RequestKind(kind),
        resource_type=about[0] if about else "",
        resource_id=about[1] if about else "",
        title=title[:255],
        text=text,
        facility_id=facility if Facility.objects.filter(pk=facility, active=True).exists() else None,
        asked_at=now,
        asked_by=actor.id,
        answer_by=answer_by(asked),
        done_by=done_by(asked),
    )
    _log(made, "ask", actor)
    return made


def entry_of(type: str, id: str, *, actor: Actor) -> tuple[str, str | None]:
    """How an entry of the actor's own record is called, and which facility wrote it. Refused (404) for any other."""
    stored = read(type=type, id=id, actor=actor)
    if type not in SHAPES or stored.patient != actor.patient:
        raise refuse(404, "not-found", "There is no such entry in your record.", type)
    entry = read_entry(json.loads(stored.content))
    title = f"{entry.title}, {entry.when}" if entry.when else entry.title
    return title, Resource.objects.values_list("facility", flat=True).get(type=type, id=id)


def requests_to(actor: Actor) -> QuerySet[RecordRequest]:
    """The open ones that the actor may answer, the nearest clock first."""
    return _answered_by(actor).filter(state__in=OPEN).select_related("patient", "facility").order_by("done_by", "pk")


def requests_ended(actor: Actor) -> QuerySet[RecordRequest]:
    """Those that are over, newest first."""
    return _answered_by(actor).exclude(state__in=OPEN).select_related("patient", "facility").order_by("-pk")


def answer_request(*, request: RecordRequest, state: str, answer: str, actor: Actor) -> bool:
    """Accept, refuse (with the reason in words) or finish an open request; False if somebody else was faster.

    PermissionDenied for requests that another place answers, and for one's own.
    """
    mine = _answered_by(actor).filter(pk=request.pk)
    if request.asked_by == actor.id or not mine.exists():
        raise PermissionDenied
    now, over = timezone.now(), state in (RequestState.DONE, RequestState.REFUSED)
    told = {"answer": answer} if answer else {}
    changed = mine.filter(state=request.state, state__in=OPEN).update(
        state=RequestState(state),
        answered_at=request.answered_at or now,
        answered_by=actor.id,
        answerer_name=actor.name,
        ended_at=now if over else None,
        **told,
    )
    if changed:
        _log(request, "answer", actor)
    return bool(changed)


def withdraw_request(*, request: RecordRequest, actor: Actor) -> bool:
    """The person no longer asks; False if it is over already. PermissionDenied for others' requests."""
    if actor.patient is None or request.patient_id != actor.patient:
        raise PermissionDenied
    now = timezone.now()
    found = RecordRequest.objects.filter(pk=request.pk, state__in=OPEN)
    changed = found.update(state=RequestState.WITHDRAWN, ended_at=now)
    if changed:
        _log(request, "withdraw", actor)
    return bool(changed)


def is_late(request: RecordRequest, on: date) -> bool:
    """Whether the law's day has passed: for an answer while there is none, else for the work."""
    by = request.answer_by if request.state == RequestState.ASKED else request.done_by
    return request.is_open and on > by


def _answered_by(actor: Actor) -> QuerySet[RecordRequest]:
    if actor.role in _FACILITY and actor.facility:
        return RecordRequest.objects.filter(facility=actor.facility)
    if actor.role in _AREA:
        found = RecordRequest.objects.filter(facility=None)
        return found if actor.area is None else found.filter(patient__area__in=units_within(actor.area))
    return RecordRequest.objects.none()


def _log(request: RecordRequest, action: str, actor: Actor) -> None:
    record_access(
        actor=actor,
        action=action,
        patients=[request.patient_id],
        resource_type="RecordRequest",
        resource_id=str(request.pk),
    )
