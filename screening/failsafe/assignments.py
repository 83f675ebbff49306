"""Who does what: an open step is given to somebody of the facility, taken back, or undone. The newest word holds."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet, Subquery

from fhir.outcomes import refuse
from healthhub.accounts.actors import Actor
from healthhub.accounts.models import User
from healthhub.audit.log import record_access
from records.memberships import in_force
from records.models import Membership
from screening.models import Assignment, Episode, EpisodeState, OpenRound


def with_assignee(rounds: QuerySet[OpenRound]) -> QuerySet[Any]:
    """The rounds with ``assigned_to``: the id of the user who has the open step in hand, None if nobody has."""
    newest = _words().order_by("-id")
    return rounds.annotate(assigned_to=Subquery(newest.values("assignee")[:1]))


def unassigned(rounds: QuerySet[OpenRound]) -> QuerySet[OpenRound]:
    """The rounds whose open step nobody has in hand. Said as what is not there, which reads each assignment once."""
    later = _same().filter(pk__gt=OuterRef("pk"))
    held = _words().filter(assignee__isnull=False)
    return rounds.filter(~Exists(held.filter(~Exists(later))))


def assigned_to(user_id: int) -> QuerySet[Assignment]:
    """The assignments of a user that still hold: no later one of the same step at the same facility."""
    later = _same().order_by("-id")
    return (
        Assignment.objects.filter(assignee=user_id)
        .annotate(newest=Subquery(later.values("id")[:1]))
        .filter(newest=F("id"))
    )


def _words() -> QuerySet[Assignment]:
    """What was said of the step by which a round (the row outside) stands on its place's list."""
    place = OuterRef("holder")
    return Assignment.objects.filter(episode=OuterRef("episode"), step=OuterRef("step"), facility=place)


def _same() -> QuerySet[Assignment]:
    place = OuterRef("facility")
    return Assignment.objects.filter(episode=OuterRef("episode"), step=OuterRef("step"), facility=place)


def colleagues(facility: str) -> list[tuple[int, str]]:
    """(id, name) of the people who work at a facility, by name."""
    users = User.objects.filter(in_force("memberships__"), memberships__facility=facility, is_active=True).distinct()
    return sorted(((user.pk, user.get_full_name()) for user in users), key=lambda one: (one[1], one[0]))


def assign(*, episodes: Sequence[Episode], assignee: int | None, actor: Actor) -> list[Assignment]:
    """Give these open steps to somebody of the actor's facility, or (None) to nobody. Those that she has already stay.

    Refused (422) for somebody who does not work there. The caller has checked that the steps are the facility's.
    """
    assert actor.facility
    member = Membership.objects.filter(in_force(), user=assignee, facility=actor.facility)
    if assignee is not None and not member.exists():
        raise refuse(422, "business-rule", "Steps can only be given to people of the own facility.", "assignee")
    with transaction.atomic():
        held = holders([episode.pk for episode in episodes], actor.facility)
        made = Assignment.objects.bulk_create(
            Assignment(
                episode=episode,
                step=episode.step,
                facility_id=actor.facility,
                assignee_id=assignee,
                actor=actor.id,
                actor_name=actor.name,
            )
            for episode in episodes
            if episode.state != EpisodeState.CLOSED and held.get((episode.pk, episode.step)) != assignee
        )
        if made:
            people = sorted({episode.patient_id for episode in episodes})
            record_access(actor=actor, action="assign", patients=people, resource_type="Episode")
    return made


def holders(episodes: Iterable[UUID], facility: str) -> Mapping[tuple[UUID, str], int | None]:
    """(round, step) -> who of the facility has it in hand by the newest word."""
    words = Assignment.objects.filter(episode__in=list(episodes), facility=facility).order_by("id")
    return {(word.episode_id, word.step): word.assignee_id for word in words}


def undo_assignments(*, first: int, last: int, actor: Actor) -> int:
    """Put back who had the steps before that the actor gave away, from her assignment ``first`` to ``last`` by id.

    A step that somebody has given on since stays as it is. How many went back. What others did in between is not hers.
    """
    mine = list(Assignment.objects.filter(pk__range=(first, last), actor=actor.id, facility=actor.facility))
    pairs = {(one.episode_id, one.step): one for one in mine}
    back: list[Assignment] = []
    with transaction.atomic():
        before: dict[tuple[Any, str], Assignment | None] = dict.fromkeys(pairs)
        newest: dict[tuple[Any, str], int] = {}
        words = Assignment.objects.filter(episode__in=[one.episode_id for one in mine], facility=actor.facility)
        for word in words.order_by("id"):
            key = (word.episode_id, word.step)
            if key in pairs:
                newest[key] = word.pk
                if word.pk < pairs[key].pk:
                    before[key] = word
        for key, one in pairs.items():
            held = before[key]
            if newest[key] == one.pk:
                back.append(
                    Assignment(
                        episode_id=one.episode_id,
                        step=one.step,
                        facility_id=one.facility_id,
                        assignee_id=held.assignee_id if held else None,
                        actor=actor.id,
                        actor_name=actor.name,
                    )
                )
        Assignment.objects.bulk_create(back)
    return len(back)
