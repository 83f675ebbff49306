"""The rule as data: which role may do what with which kind of thing, and about whom. What is not here is forbidden.

`rule.may`, the conditions in SQL (`rows`, `people`), what may be written (`writes`) and docs/access.md are made of it.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Final

from healthhub.accounts.actors import Role


class Action(StrEnum):
    """What is done. ``READ`` opens what one knows of, ``SEARCH`` finds it, ``MANAGE`` decides about others' access."""

    READ = "read"
    SEARCH = "search"
    WRITE = "write"
    EXPORT = "export"
    MANAGE = "manage"


class What(StrEnum):
    """Kinds of things. The first three are about one person, and a record holds the other two."""

    RECORD = "record"
    IDENTITY = "identity"
    APPOINTMENTS = "appointments"
    UNNAMED = "unnamed"
    DIRECTORY = "directory"
    WAITING = "waiting"
    FIGURES = "figures"
    LOOKS = "looks"
    LOG = "log"
    EMERGENCIES = "emergencies"
    REQUESTS = "requests"
    STAFF = "staff"
    SYSTEM = "system"


class Whose(StrEnum):
    """About whom, as seen from the actor."""

    OWN = "own"
    EMERGENCY = "emergency"
    CARED_FOR = "cared_for"
    FACILITY = "facility"
    AREA = "area"
    ALL = "all"


WHAT_IS: Final = {
    What.RECORD: "everything stored about a person: results, diagnoses, referrals, documents",
    What.IDENTITY: "who a person is and how to reach her: `Patient`",
    What.APPOINTMENTS: "when and where a person is expected: `Appointment`, `AppointmentResponse`",
    What.UNNAMED: "other resources that name no person",
    What.DIRECTORY: "facilities, health workers, free times, definitions: about nobody",
    What.WAITING: "programmes' open steps with the names of those who wait (failsafe): no results",
    What.FIGURES: "counts and rates",
    What.LOOKS: "who has looked at a person's record, also as `AuditEvent`",
    What.LOG: "the access log: who did what with whose record, without its content; also as `AuditEvent`",
    What.EMERGENCIES: "openings of records in emergencies: who, whose, why, and whether an auditor found it justified",
    What.REQUESTS: "what people ask about their own record: to correct or delete something, with the law's clocks",
    What.STAFF: "accounts and memberships of staff",
    What.SYSTEM: "the running of HealthHub, without people's data",
}
WHOSE_IS: Final = {
    Whose.OWN: "the person of the membership: a citizen herself, a guardian's ward",
    Whose.EMERGENCY: "people whose record the actor has opened in an emergency, for as long as that lasts",
    Whose.CARED_FOR: "people about whom the actor's facility has written, who presented themselves there, whom the "
    "health department handed to it or had it call, or who consent",
    Whose.FACILITY: "what the actor's own facility has made or employs",
    Whose.AREA: "people who live in the officer's part of the city",
    Whose.ALL: "all",
}
#: FHIR types of what is a part of a record only; a record is all that is about a person.
TYPES: Final = {
    What.IDENTITY: frozenset({"Patient"}),
    What.APPOINTMENTS: frozenset({"Appointment", "AppointmentResponse"}),
}
#: What is a part of what: who may have the whole may have the part.
PARTS: Final = {What.RECORD: frozenset({What.RECORD, What.IDENTITY, What.APPOINTMENTS})}


@dataclass(frozen=True, slots=True)
class Grant:
    """One line of the table."""

    roles: tuple[Role, ...]
    actions: tuple[Action, ...]
    what: What
    whose: Whose

    @property
    def covers(self) -> frozenset[What]:
        """The thing and its parts."""
        return PARTS.get(self.what, frozenset({self.what}))


_READ: Final = (Action.READ, Action.SEARCH)
_CARE: Final = (Role.CLINICIAN, Role.LABORATORY, Role.CLIENT)
_EVERYBODY: Final = tuple(role for role in Role if role is not Role.SYSTEM)

TABLE: Final = (
    *(Grant((Role.SYSTEM,), tuple(Action), what, Whose.ALL) for what in What),
    Grant(_EVERYBODY, _READ, What.DIRECTORY, Whose.ALL),
    Grant(_CARE, (*_READ, Action.WRITE, Action.EXPORT), What.RECORD, Whose.CARED_FOR),
    Grant((Role.CLINICIAN,), (Action.READ,), What.RECORD, Whose.EMERGENCY),
    Grant(_CARE, (*_READ, Action.WRITE), What.UNNAMED, Whose.FACILITY),
    Grant(_CARE, (Action.WRITE,), What.DIRECTORY, Whose.FACILITY),
    Grant((Role.CLINICIAN, Role.LABORATORY), (*_READ, Action.MANAGE), What.REQUESTS, Whose.FACILITY),
    Grant((Role.REGISTRAR,), (*_READ, Action.WRITE), What.IDENTITY, Whose.CARED_FOR),
    Grant((Role.REGISTRAR,), (*_READ, Action.WRITE), What.APPOINTMENTS, Whose.CARED_FOR),
    Grant((Role.FACILITY_ADMIN,), (*_READ, Action.MANAGE), What.STAFF, Whose.FACILITY),
    Grant((Role.OFFICER,), (Action.READ, Action.EXPORT), What.FIGURES, Whose.ALL),
    Grant((Role.OFFICER,), (*_READ, Action.MANAGE), What.WAITING, Whose.AREA),
    Grant((Role.OFFICER,), (*_READ, Action.MANAGE), What.REQUESTS, Whose.AREA),
    Grant((Role.ANALYST,), (Action.READ, Action.EXPORT), What.FIGURES, Whose.ALL),
    Grant((Role.ADMIN,), (Action.READ, Action.MANAGE), What.SYSTEM, Whose.ALL),
    Grant((Role.ADMIN,), (*_READ, Action.MANAGE), What.STAFF, Whose.ALL),
    Grant((Role.AUDITOR,), (*_READ, Action.EXPORT), What.LOG, Whose.ALL),
    Grant((Role.AUDITOR,), (*_READ, Action.MANAGE), What.EMERGENCIES, Whose.ALL),
    Grant((Role.CITIZEN,), (*_READ, Action.EXPORT), What.RECORD, Whose.OWN),
    Grant((Role.CITIZEN,), (Action.WRITE,), What.APPOINTMENTS, Whose.OWN),
    Grant((Role.CITIZEN,), (*_READ, Action.WRITE), What.REQUESTS, Whose.OWN),
    Grant((Role.GUARDIAN,), _READ, What.RECORD, Whose.OWN),
    Grant((Role.CITIZEN, Role.GUARDIAN), _READ, What.LOOKS, Whose.OWN),
)


@cache
def grants_of(role: Role) -> tuple[Grant, ...]:
    """The role's lines."""
    return tuple(grant for grant in TABLE if role in grant.roles)


@cache
def roles_with(action: Action, what: What, whose: Whose) -> frozenset[Role]:
    """Who has such a line."""
    return frozenset(
        role
        for grant in TABLE
        if action in grant.actions and what in grant.covers and grant.whose == whose
        for role in grant.roles
    )
