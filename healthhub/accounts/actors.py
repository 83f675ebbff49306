"""Who acts: one small value that every service takes, whichever door the person or machine came through."""

from dataclasses import dataclass, field
from enum import StrEnum


class Role(StrEnum):
    """What somebody may do is decided by the role of the one membership that is active now."""

    CLINICIAN = "clinician"
    LABORATORY = "laboratory"
    REGISTRAR = "registrar"  # finds and registers people, books appointments
    FACILITY_ADMIN = "facility_admin"  # manages the facility's own staff
    OFFICER = "officer"
    ANALYST = "analyst"
    ADMIN = "admin"  # keeps the system running
    AUDITOR = "auditor"  # reads who has looked at what
    CITIZEN = "citizen"
    GUARDIAN = "guardian"  # acts for another person, by evidence
    CLIENT = "client"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Actor:
    """A person, a clinic's software or the system itself, as the access log names it.

    ``id`` is stable ("user:12", "client:demo-clinic", "system:recall"); ``name`` is what a citizen reads in the list
    of who has looked. ``facility`` is the id of a FHIR Organization, ``patient`` that of a citizen's own Patient or of
    a guardian's ward, ``area`` the key of the part of the city that an officer answers for (None: all of it).

    An app that acts for a person is that person, as ``client``, and may do no more than ``scopes`` say (SMART's; None:
    not narrowed). ``about`` is the id of the Patient whom the app was opened for: what ``patient/`` scopes are about.

    ``address`` is the network address that the request came from ("" for what HealthHub does by itself later); it is
    for the access log only, and makes nobody another one.

    ``emergencies`` are people whose record the actor has opened in an emergency that lasts, with the coded reason
    ((Patient's id, "unconscious"), …); the access log names it with each look.
    """

    id: str
    name: str
    role: Role
    facility: str | None = None
    patient: str | None = None
    area: int | None = None
    scopes: frozenset[str] | None = None
    client: str = ""
    about: str | None = None
    address: str = field(default="", compare=False)
    emergencies: tuple[tuple[str, str], ...] = ()

    @property
    def is_system(self) -> bool:
        """True for HealthHub's own work (imports by command, nightly runs), which no policy narrows."""
        return self.role is Role.SYSTEM


def system_actor(task: str) -> Actor:
    """The actor of a command or a nightly run; ``task`` names it in the access log."""
    return Actor(id=f"system:{task}", name="HealthHub", role=Role.SYSTEM)


SYSTEM = system_actor("healthhub")
