"""Opening an app for one person: who it is about, and the record of the one who opens it."""

import secrets
from dataclasses import dataclass

from django.core.cache import cache

from fhir import store
from fhir.outcomes import Refused
from fhir.reader import read
from healthhub.accounts.actors import Actor, Role, system_actor
from healthhub.accounts.oauth.models import Client, Kind
from healthhub.accounts.oauth.tokens import checksum
from records.access import can_open

LAUNCH_SECONDS = 300
_APPS = system_actor("apps")


@dataclass(frozen=True, slots=True)
class Launch:
    """What a page opened an app for."""

    user: int
    client_id: str
    patient: str


def begin_launch(*, client: Client, user: int, patient: str) -> str:
    """A word that the app brings back within minutes, once, to learn whom it was opened for; it tells nothing else."""
    word = secrets.token_urlsafe(24)
    about = {"user": user, "client_id": client.application.client_id, "patient": patient}
    cache.set(_place(word), about, timeout=LAUNCH_SECONDS)
    return word


def launch_of(word: str, *, client_id: str, user: int, actor: Actor) -> Launch | None:
    """What the word stands for, if it was given to this user for this app, and she still may see the person."""
    about = cache.get(_place(word)) if word else None
    launch = Launch(**about) if about else None
    if launch is None or (launch.user, launch.client_id) != (user, client_id):
        return None
    return launch if can_open(actor, launch.patient) else None


def end_launch(word: str) -> None:
    """Forget a word that was used."""
    cache.delete(_place(word))


def may_open(client: Client, actor: Actor) -> bool:
    """Whether the app is for such people: citizens, or care staff of the facility that answers for it."""
    if client.kind == Kind.CITIZEN:
        return actor.role is Role.CITIZEN and bool(actor.patient)
    return (
        client.kind == Kind.CLINICIAN
        and actor.role in (Role.CLINICIAN, Role.LABORATORY)
        and client.facility == actor.facility
    )


def fhir_user(actor: Actor) -> str:
    """The reference of whoever acts: a citizen's own Patient, a health worker's Practitioner, made when first asked."""
    if actor.role is Role.CITIZEN:
        return f"Patient/{actor.patient}"
    name = actor.id.replace(":", "-")
    try:
        read(type="Practitioner", id=name, actor=_APPS)
    except Refused:
        worker = {"resourceType": "Practitioner", "id": name, "active": True, "name": [{"text": actor.name}]}
        store.save(worker, actor=_APPS, facility=actor.facility)
    return f"Practitioner/{name}"


def _place(word: str) -> str:
    return f"oauth:launch:{checksum(word)}"
