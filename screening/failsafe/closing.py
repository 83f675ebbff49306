"""Closing a step without its outcome, and opening it again. Always a coded reason; where the protocol asks, proof too.

A reason may need evidence (the letter that says so), and one that ends a person's screening for good needs a second
person: until somebody else confirms it, the step stays open, with its clock.
"""

from collections.abc import Set
from datetime import date, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from fhir.ids import new_id
from fhir.outcomes import refuse
from healthhub.accounts.actors import Actor, Role
from healthhub.audit.log import record_access
from healthhub.postgresql.wall import unwalled
from records.access import visible_to
from screening import projection
from screening.closings import close_episode, overtaken
from screening.failsafe.scope import scope_of
from screening.marks import with_known
from screening.models import ClosureRequest, Episode, EpisodeEvent, OpenRound
from screening.places import waiting_at
from screening.protocol import protocol_for
from screening.protocol.events import REFERRED
from screening.protocol.shapes import Reason
from screening.publishing.noting import mark_unpublished

REVIEW_DAYS = 365


def needs_evidence(reason: Reason) -> bool:
    """Whether the reason counts only with the letter or report that says so."""
    return getattr(reason, "evidence", False)


def needs_second(reason: Reason) -> bool:
    """Whether a second person must confirm it: the protocol says so, or it ends the person's screening for good."""
    return getattr(reason, "second", False) or reason.ends


def close_step(
    *,
    episode: Episode,
    reason: str,
    on: date,
    actor: Actor,
    note: str = "",
    evidence: str = "",
    known: str | None = None,
    task: str = "",
    alone: bool = False,
) -> ClosureRequest | None:
    """Close what a round waits for, or (for a reason that a second person must confirm) ask for that confirmation.

    ``known`` is the mark of what the actor was shown, None for what is known now; ``task`` the id of the Task by which
    software asks; ``alone`` leaves open what else the place holds of the round, if no second person must confirm.
    Refused: as ``close_episode``, 422 without evidence where the reason needs it, 409 if a request waits already. One
    that was overtaken is settled.
    """
    rule = protocol_for(episode.programme, episode.opened_on).reasons.get(reason)
    if rule and needs_evidence(rule) and not evidence.strip():
        raise refuse(422, "required", "This reason needs evidence: which letter or report says so.", "evidence")
    if rule is None or not needs_second(rule):
        said = noted(note, evidence)
        close_episode(episode=episode, reason=reason, on=on, actor=actor, note=said, known=known, alone=alone)
        return None
    if not episode.opened_on <= on <= timezone.localdate():
        raise refuse(422, "business-rule", "The closing day is not between the round's first day and today.", "on")
    held = with_known(OpenRound.objects.filter(episode=episode.pk, step=episode.step), episode="episode")
    mark = held.values_list("known", flat=True).first()
    if mark is None:
        raise refuse(409, "conflict", "The round is closed already.", "episode")
    if known not in (None, mark):
        raise overtaken()
    try:
        with transaction.atomic():
            waiting = ClosureRequest.objects.filter(episode=episode, step=episode.step, accepted__isnull=True)
            waiting.exclude(known=mark).update(accepted=False, decided_at=timezone.now())
            asked = ClosureRequest.objects.create(
                episode=episode,
                step=episode.step,
                known=mark,
                task=task or new_id(),
                reason=reason,
                closed_on=on,
                note=note,
                evidence=evidence,
                facility_id=actor.facility or "",
                actor=actor.id,
                actor_name=actor.name,
            )
            record_access(
                actor=actor,
                action="update",
                patients=[episode.patient_id],
                resource_type="Episode",
                resource_id=str(episode.pk),
                reason=reason,
            )
            mark_unpublished([episode.patient_id])
    except IntegrityError:
        raise refuse(409, "conflict", "Somebody has asked for this closing already.", "episode") from None
    return asked


@unwalled()
def decide_closure(*, request_id: int, accepted: bool, actor: Actor) -> ClosureRequest:
    """Confirm a closing, or refuse it: then the step goes on. Refused (403) by the person who asked, for anybody for
    whom it does not wait (see ``closures_waiting``), and as a confirmation by software or by somebody of the facility
    whose software asked; 409 if something has become known since it was asked for."""
    with transaction.atomic():
        asked = ClosureRequest.objects.select_for_update().select_related("episode__patient").get(pk=request_id)
        if asked.accepted is not None:
            raise refuse(409, "conflict", "This has been decided already.", "request")
        if asked.actor == actor.id:
            raise refuse(403, "forbidden", "Somebody else must confirm what you asked for.", "request")
        if not closures_waiting(actor).filter(pk=request_id).exists():
            raise refuse(403, "forbidden", "This closing is not yours to confirm.", "request")
        if accepted and actor.role is Role.CLIENT:
            told = "Only a person can confirm a closing: on a page, or by an app that acts for her."
            raise refuse(403, "forbidden", told, "request")
        if accepted and actor.facility and asked_by_software_of(asked) == actor.facility:
            told = "Your facility's software asked, perhaps for you: somebody elsewhere must confirm it."
            raise refuse(403, "forbidden", told, "request")
        if accepted:
            waiting = waiting_at(asked.episode, asked.step, asked.facility_id)
            if waiting is None:
                raise refuse(409, "conflict", "The round has moved on to another step.", "known")
            close_episode(
                episode=waiting,
                reason=asked.reason,
                on=asked.closed_on,
                actor=actor,
                note=noted(asked.note, asked.evidence, asked=asked.actor_name, second=actor.name),
                known=asked.known,
            )
        asked.accepted, asked.second, asked.second_name = accepted, actor.id, actor.name
        asked.decided_at = timezone.now()
        asked.save(update_fields=["accepted", "second", "second_name", "decided_at"])
        mark_unpublished([asked.episode.patient_id])
    return asked


def asked_by_software_of(asked: ClosureRequest) -> str:
    """The facility whose software asked for it, "" if a person did. Who stood before the screen nobody can tell, so
    it may be whoever of that facility would confirm it."""
    return asked.facility_id if asked.actor.startswith("client:") else ""


def closures_waiting(actor: Actor) -> QuerySet[ClosureRequest]:
    """What waits for a second person and may be the actor's to confirm, her own requests among it.

    A clinic confirms what it asked for itself, what is on its list now, and what is about people who were referred to
    it; an officer, what is about people of her part of the city. So a station of one clinician has somebody, too.
    What has been overtaken is among it (see ``still_asked``).
    """
    waiting = ClosureRequest.objects.filter(accepted__isnull=True)
    waiting = waiting.select_related("episode", "episode__patient", "facility").order_by("made_at", "id")
    if actor.is_system:
        return waiting
    if actor.role in (Role.OFFICER, Role.ANALYST):
        scope = scope_of(actor)
        if not scope.names:
            return waiting.none()
        return waiting if scope.areas is None else waiting.filter(episode__area__in=scope.areas)
    if not actor.facility:
        return waiting.none()
    return waiting.filter(_concerning(actor.facility), episode__patient__in=visible_to(actor))


def closures_shared(tasks: Set[str], facility: str) -> set[str]:
    """Of these Tasks those that ask a facility to confirm a closing, whoever's software wrote them."""
    waiting = ClosureRequest.objects.filter(_concerning(facility), task__in=tasks, accepted__isnull=True)
    return set(waiting.values_list("task", flat=True))


def _concerning(facility: str) -> Q:
    referred = EpisodeEvent.objects.filter(episode=OuterRef("episode"), fact=REFERRED, data__to=facility)
    held = OpenRound.objects.filter(episode=OuterRef("episode"), step=OuterRef("step"), holder=facility)
    return Q(facility=facility) | Q(Exists(held)) | Q(Exists(referred))


def still_asked(requests: QuerySet[ClosureRequest]) -> QuerySet[ClosureRequest]:
    """Of these requests those that can be accepted: the round waits for the same step, and nothing has come since."""
    held = OpenRound.objects.filter(episode=OuterRef("episode"), step=OuterRef("step"))
    rounds = with_known(held, episode="episode")
    return requests.filter(Exists(rounds.filter(known=OuterRef("known"))))


def closed_for_reason(on: date, *, place: str) -> QuerySet[Episode]:
    """Rounds of which a step that this place held was closed for a reason within the last year, newest first, also
    those that wait for other steps: for review, since a wrong one loses somebody."""
    since = on - timedelta(days=REVIEW_DAYS)
    found = Episode.objects.filter(waived_on__gte=since, waived__contains=[{"place": place}])
    return found.select_related("patient").order_by("-waived_on", "-id")


@unwalled()
def reopen_round(*, episode: Episode, why: str, actor: Actor, closing: str = "") -> None:
    """Take back a ``closing`` for a reason ("": all of the round's): its steps are open again, with their old clocks.

    Refused: 422 without a reason, 409 if nothing was closed for a reason, or somebody has come after all.
    """
    if not why.strip():
        raise refuse(422, "required", "Say why the round is opened again.", "why")
    with transaction.atomic():
        projection.lock_people([episode.patient_id])
        waived = Episode.objects.filter(pk=episode.pk).values_list("waived", flat=True).first() or ()
        closings = {step["closing"] for step in waived if step["closing"]}
        if not closings or (closing and closing not in closings):
            raise refuse(409, "conflict", "The step was not closed for a reason.", "episode")
        sources = dict.fromkeys([closing] if closing else sorted(closings), episode.patient_id)
        projection.take_back_staff_events(sources, note=why, actor=actor.id)
        record_access(
            actor=actor,
            action="update",
            patients=[episode.patient_id],
            resource_type="Episode",
            resource_id=str(episode.pk),
            reason="reopened",
        )


def noted(note: str, evidence: str, *, asked: str = "", second: str = "") -> str:
    """What is kept with a closing: the note, the proof, who asked for it and who confirmed it."""
    said = (("", note), ("Bằng chứng: ", evidence), ("Người đề nghị: ", asked), ("Người xác nhận: ", second))
    parts = [f"{label}{text}" if text else "" for label, text in said]
    return "\n".join(part for part in parts if part)
