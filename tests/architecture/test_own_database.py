"""Tests may run in any order and side by side: what one commits is gone before the next, what was migrated stays."""

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import connection

from healthhub.accounts.actors import SYSTEM
from healthhub.accounts.models import User
from healthhub.audit.log import record_access
from healthhub.audit.models import AccessEntry
from records.models import Area, AreaSuccession
from tests.database import empty_tables


def migrated() -> list[int]:
    return [model.objects.count() for model in (Area, AreaSuccession, ContentType)]


@pytest.mark.django_db(transaction=True)
def test_only_what_a_test_committed_is_taken_out() -> None:
    before = migrated()
    User.objects.create_user("mai@example.vn", name="Mai")
    record_access(actor=SYSTEM, action="view", patients=["one"], resource_type="Patient")  # a log that refuses DELETE
    empty_tables()
    assert (User.objects.count(), AccessEntry.objects.count()) == (0, 0)
    assert migrated() == before
    assert min(before) > 0


@pytest.mark.django_db
def test_the_triggers_of_the_migrations_are_there() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal")
        assert cursor.fetchone()[0] > 5
