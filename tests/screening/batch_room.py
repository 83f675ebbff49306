"""Thirty men who wait too long, and two officers who may decide about all of them at once."""

from datetime import date
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from healthhub.accounts.actors import Actor, Role
from healthhub.accounts.models import User
from records.models import Area, Facility, Membership
from screening.failsafe.batch_work import OPEN as WORKED_ON
from screening.failsafe.batch_work import work_on
from screening.failsafe.batches import ask_closing
from screening.failsafe.filters import Asked
from screening.failsafe.scope import Scope
from screening.models import Episode, StepBatch
from tests.screening.conftest import Sender, make_patient

CITY = Scope(None, None, names=True)
ON = date(2024, 10, 1)
PROOF = "Biên bản rà soát số 12, 30/09/2024"
PAGE = "/city/failsafe/people/"


def officer(name: str, area: Area | None = None) -> User:
    user = User.objects.create_user(f"{name}@example.vn", name=f"Cán bộ {name}")
    Membership.objects.create(user=user, role=Role.OFFICER.value, area=area)
    return user


def acting(user: User) -> Actor:
    return Actor(f"user:{user.pk}", user.name, Role.OFFICER, area=user.memberships.get().area_id)


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def an(db: None) -> User:
    return officer("An")


@pytest.fixture
def binh(db: None) -> User:
    return officer("Bình")


@pytest.fixture
def backlog(send: Sender, station: Facility) -> list[str]:
    """30 men who have waited for a colonoscopy since May 2024: more than a page of the list."""
    people = []
    for number in range(30):
        person = make_patient(station, name=f"Nguyễn Văn {number:02}", gender="male", born="1960-03-12")
        send.fit(person, "50", on="2024-05-06", specimen=f"A{number}")
        people.append(person)
    return people


def closing(user: User, *, asked: Asked | None = None, **said: Any) -> StepBatch:
    asked = asked or Asked(level="late", programme="colorectal", year="2024")
    given: dict[str, Any] = {"reason": "unreachable", "on": ON, "evidence": PROOF, "actor": acting(user), **said}
    return ask_closing(asked.rounds(CITY, timezone.localdate()), asked=asked.address, **given)


def states() -> list[tuple[str, str, str]]:
    return sorted(set(Episode.objects.values_list("state", "step", "detail")))


OPEN = [("assessment_due", "colonoscopy", "")]
CLOSED = [("closed", "", "unreachable")]


def finish(batch: StepBatch) -> StepBatch:
    while (found := work_on(batch.pk, seconds=0)) is not None and found.state in WORKED_ON:
        pass
    batch.refresh_from_db()
    return batch
