"""Lists that show what call and recall has left open: nobody falls out of sight by not answering or by a decision.

Officers see numbers, places and who is responsible; the people themselves are seen by those who care for them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db import connection
from django.db.models import Count, F, Min, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from healthhub.accounts.actors import Actor
from records.access import visible_to
from records.models import Citizen
from screening.models import Balance, BalanceDifference, Decision, DecisionKind, Invitation, InvitationState, Standing
from screening.protocol import protocol_for
from screening.recall.invitations import waiting

STATUSES = ("screened", "due", "overdue", "deferred", "ceased", "unreachable")
FIGURES = ("eligible", *STATUSES, "missing", "surplus", "unclear", "excluded")


@dataclass(frozen=True, slots=True)
class Alarm:
    """Invitations that were planned for a day that has passed and have not been sent."""

    facility: str | None
    facility_name: str
    programme: str
    people: int
    since: date


def unsent(on: date) -> list[Alarm]:
    """Planned but unsent, by facility and programme, oldest first: a letter that nobody sends is an alarm."""
    rows = (
        Invitation.objects.filter(state=InvitationState.PLANNED, planned_on__lt=on)
        .values("facility_id", "facility__name", "programme")
        .annotate(people=Count("pk"), since=Min("planned_on"))
        .order_by("since", "facility_id", "programme")
    )
    return [
        Alarm(row["facility_id"], row["facility__name"] or "", row["programme"], row["people"], row["since"])
        for row in rows
    ]


def books(programme: str, on: date, *, place: int | None = None) -> list[dict[str, Any]]:
    """The balance of a night by district (a ward since July 2025 stands by itself), or by the units of one ``place``.

    Each row has ``place``, ``name`` and FIGURES. ``place`` None in a row: nobody knows where these people live.
    """
    rows = Balance.objects.filter(programme=programme, on=on)
    if place is not None:
        rows = rows.filter(Q(area_id=place) | Q(area__parent_id=place))
        keys: dict[str, Any] = {"place": F("area_id"), "name": F("area__name")}
    else:
        keys = {"place": Coalesce("area__parent_id", "area_id"), "name": Coalesce("area__parent__name", "area__name")}
    return list(
        rows.annotate(**keys)
        .values(*keys)
        .annotate(**{f"sum_{name}": Sum(name) for name in FIGURES})
        .order_by(F("name").asc(nulls_last=True))
    )


def newest_night(programme: str) -> date | None:
    """The last night with books."""
    return Balance.objects.filter(programme=programme).order_by("-on").values_list("on", flat=True).first()


def most_pressing(known: Sequence[str]) -> str:
    """Of these programmes the one that an officer must see first: with most differences, then for most people."""
    nights = Balance.objects.filter(programme=OuterRef("programme")).order_by("-on").values("on")[:1]
    rows = Balance.objects.filter(programme__in=known, on=Subquery(nights)).values("programme")
    found = rows.annotate(astray=Sum(F("missing") + F("surplus")), people=Sum("eligible"))
    wrong = dict(put_right().values_list("programme").annotate(Count("pk")))
    pressing = {row["programme"]: (row["astray"] + wrong.get(row["programme"], 0), row["people"]) for row in found}
    return max(known, key=lambda programme: pressing.get(programme, (0, 0)))


def put_right() -> QuerySet[BalanceDifference]:
    """People who stood wrong when they were counted again, as long as they are listed."""
    return BalanceDifference.objects.filter(kind="wrong")


def differences(programme: str, kind: str) -> QuerySet[BalanceDifference]:
    """The people behind a figure of the newest books, with place and ``facility_name``.

    Not by a join with the citizens: whoever is missing may be missing among those, and must be named all the same.
    """
    known = Citizen.objects.filter(pk=OuterRef("patient_id"))
    found = BalanceDifference.objects.filter(programme=programme, kind=kind)
    found = found.annotate(facility_name=Subquery(known.values("facility__name")))
    return found.select_related("area__parent").order_by("patient_id")


def ceased_for_review(on: date, *, actor: Actor | None, overdue_only: bool = True) -> QuerySet[Decision]:
    """Decisions to cease whose review has come (or all in force), oldest review first: those of people whom the actor
    may see, or with actor None everybody's, for counting."""
    found = Decision.objects.filter(kind=DecisionKind.CEASE, undone=False)
    if overdue_only:
        found = found.filter(review_on__lte=on)
    if actor is not None:
        found = found.filter(patient__in=visible_to(actor)).select_related("patient")
    return found.order_by("review_on", "request_id")


def ended_without_decision(*, actor: Actor) -> QuerySet[Standing]:
    """People whom a closed round, not a decision, has taken out of call: to be looked at, for nobody decided it."""
    found = Standing.objects.filter(status="ceased", inputs__decision__isnull=True, patient__in=visible_to(actor))
    return found.select_related("patient").order_by("since", "id")


def fallen_out(on: date, *, actor: Actor, days: int = 90) -> QuerySet[Invitation]:
    """Who was called and then no longer belonged to the programme: a birth date, sex or address was changed. Newest
    first, so that a slip of the hand is seen."""
    found = Invitation.objects.filter(
        state=InvitationState.CANCELLED, ended_by="not_eligible", ended_on__gt=on - timedelta(days=days)
    )
    return found.filter(patient__in=visible_to(actor)).select_related("patient").order_by("-ended_on", "-id")


def nonresponders(facility: str, *, actor: Actor) -> QuerySet[Invitation]:
    """Who was called and reminded and has not answered, and is still due: for her clinic, longest silent first.

    If she has moved since, both the clinic that called her and that of her new place are hers, as far as they may see
    her.
    """
    found = Invitation.objects.filter(
        Q(facility=facility) | Q(patient__standings__facility=facility),
        # one join, for one standing: that of the invitation's programme
        state=InvitationState.NONRESPONDER,
        patient__standings__programme=F("programme"),
        patient__standings__status__in=("due", "overdue"),
        patient__in=visible_to(actor),
    )
    return found.select_related("patient").order_by("ended_on", "id")


def waiting_by_facility(programme: str, on: date) -> list[dict[str, Any]]:
    """Who is due for a call and has no place yet, by facility: the queue that capacity makes."""
    rows = waiting(protocol_for(programme, on), on)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT organization_id, name FROM records_facility WHERE organization_id = ANY(%s)",
            [[facility for facility, _, _ in rows if facility]],
        )
        names = dict(cursor.fetchall())
    found = [
        {"facility": facility, "name": names.get(facility, ""), "people": people, "since": since}
        for facility, people, since in rows
    ]
    return sorted(found, key=lambda row: (row["since"], row["name"]))
