"""Which people an actor may see: the table as a query for people."""

from django.db.models import Exists, OuterRef, Q, QuerySet

from healthhub.accounts.actors import Actor
from records.access.table import Action, What, Whose, grants_of
from records.models import CareRelation, Citizen, Consent


def visible_to(actor: Actor) -> QuerySet[Citizen]:
    """The people whom the actor may find by who they are. Every list or search of people starts here."""
    return _reached(actor, Action.SEARCH)


def opened_to(actor: Actor) -> QuerySet[Citizen]:
    """The people whose page the actor may open: who may be found, and whose record was opened in an emergency.

    The latter stand on no list, and nothing is written about them: whoever goes on caring registers them first.
    """
    return _reached(actor, Action.READ)


def _reached(actor: Actor, action: Action) -> QuerySet[Citizen]:
    people, ways = Citizen.objects.filter(active=True), _ways(actor, action)
    if Whose.ALL in ways:
        return people
    found = [condition for whose in sorted(ways) if (condition := _people(whose, actor)) is not None]
    if not found:
        return people.none()
    condition = found[0]
    for other in found[1:]:
        condition |= other
    return people.filter(condition)


def about_visible(actor: Actor, column: str = "patient_id") -> Q:
    """Rows whose ``column`` names somebody whom the actor may see, or who was merged since: for counting many of them.

    The same rule as ``visible_to``, said as sets that the database makes once and looks each row up in, and not as a
    question for each person; as one set of both, it would be sorted or joined first (16 ms for 20,000 people, not 11).
    Whoever counts with it leaves out the few who are not active.
    """
    if _ways(actor, Action.SEARCH) == {Whose.CARED_FOR} and actor.facility:
        cared = CareRelation.objects.filter(facility_id=actor.facility)
        consented = Consent.objects.filter(facility_id=actor.facility, withdrawn_at__isnull=True)
        known = {f"{column}__in": cared.values("patient_id")}
        return Q(**known) | Q(**{f"{column}__in": consented.values("patient_id")})
    return Q(**{f"{column}__in": visible_to(actor).values("pk")})


def can_see(actor: Actor, patient_id: str) -> bool:
    """Whether the actor may find this person, and so deal with her in the facility's name."""
    return visible_to(actor).filter(pk=patient_id).exists()


def can_open(actor: Actor, patient_id: str) -> bool:
    """Whether the actor may open this person's page and read."""
    return opened_to(actor).filter(pk=patient_id).exists()


def _ways(actor: Actor, action: Action) -> set[Whose]:
    grants = grants_of(actor.role)
    return {one.whose for one in grants if action in one.actions and What.IDENTITY in one.covers}


def _people(whose: Whose, actor: Actor) -> Q | None:
    if whose is Whose.CARED_FOR and actor.facility:
        here = Q(patient_id=OuterRef("pk"), facility_id=actor.facility)
        consents = Consent.objects.filter(here, withdrawn_at__isnull=True)
        return Q(Exists(CareRelation.objects.filter(here)) | Exists(consents))
    if whose is Whose.OWN and actor.patient:
        return Q(pk=actor.patient)
    if whose is Whose.EMERGENCY and actor.emergencies:
        return Q(pk__in=[patient for patient, _reason in actor.emergencies])
    return None
