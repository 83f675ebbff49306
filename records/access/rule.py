"""What the table means for one actor and one thing."""

from dataclasses import dataclass
from typing import Final

from healthhub.accounts.actors import Actor, Role
from records.access.table import Action, Grant, What, Whose, grants_of, roles_with
from records.areas import units_within
from records.models import CareRelation, Consent

#: Roles that care for people: what they may read and write is their facility's.
CARE: Final = roles_with(Action.WRITE, What.RECORD, Whose.CARED_FOR)
#: Roles to whom people show their papers.
REGISTERS: Final = roles_with(Action.WRITE, What.IDENTITY, Whose.CARED_FOR)
#: Roles that book for people and note who came.
BOOKS: Final = roles_with(Action.WRITE, What.APPOINTMENTS, Whose.CARED_FOR)

#: Who may open a record in an emergency, and who looks at it afterwards.
OPENS: Final = roles_with(Action.READ, What.RECORD, Whose.EMERGENCY)
REVIEWS: Final = roles_with(Action.MANAGE, What.EMERGENCIES, Whose.ALL) - {Role.SYSTEM}


@dataclass(frozen=True, slots=True)
class Thing:
    """What is asked about: about which ``patient``, of which ``facility``, of somebody living in which ``area``."""

    what: What
    patient: str | None = None
    facility: str | None = None
    area: int | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """True if allowed. ``reason`` is one word: why, or ("role", "relation") why not.

    "role": the role may not do this with such things at all; "relation": it may, but not with this one.
    """

    allowed: bool
    reason: str

    def __bool__(self) -> bool:
        return self.allowed


def may(actor: Actor, action: Action, thing: Thing) -> Decision:
    """Whether the actor may do this with the thing. Of a person cared for it costs one or two queries, else none.

    An app's scopes narrow it further at the API's door (`records.access.scopes`).
    """
    grants = [one for one in grants_of(actor.role) if action in one.actions and thing.what in one.covers]
    if not grants:
        return Decision(False, "role")
    reasons = (_relation(grant, actor, thing) for grant in grants)
    reason = next((found for found in reasons if found), "")
    return Decision(True, reason) if reason else Decision(False, "relation")


def _relation(grant: Grant, actor: Actor, thing: Thing) -> str:
    """The word for what connects actor and thing in the way that the grant asks for; "" if nothing does."""
    match grant.whose:
        case Whose.ALL:
            return "all"
        case Whose.OWN:
            return "own" if actor.patient and thing.patient == actor.patient else ""
        case Whose.EMERGENCY:
            return "emergency" if thing.patient in dict(actor.emergencies) else ""
        case Whose.FACILITY:
            return "facility" if actor.facility and thing.facility == actor.facility else ""
        case Whose.AREA:
            return "area" if actor.area is None or thing.area in units_within(actor.area) else ""
        case Whose.CARED_FOR:
            if not actor.facility or not thing.patient:
                return ""
            pair = {"patient_id": thing.patient, "facility_id": actor.facility}
            if CareRelation.objects.filter(**pair).exists():
                return "care"
            return "consent" if Consent.objects.filter(**pair, withdrawn_at__isnull=True).exists() else ""
