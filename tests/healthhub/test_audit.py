"""The access log only grows, and says who, for whom and from where."""

import pytest
from django.db import DatabaseError, connection, transaction

from healthhub.accounts.actors import Actor, Role, system_actor
from healthhub.audit.log import entries_about, record_access
from healthhub.audit.models import AccessEntry, AccessSeal
from healthhub.audit.seals import seal_entries
from tests.healthhub.sealing import sealed

ACTOR = system_actor("tests")


def look_at(*patients: str) -> None:
    record_access(actor=ACTOR, action="view", patients=patients, resource_type="Patient", reason="/clinic/")


@pytest.mark.django_db
def test_one_statement_logs_an_access_to_each_person() -> None:
    with transaction.atomic():
        look_at("one", "two")
    assert list(AccessEntry.objects.order_by("patient").values_list("patient", "action", "actor", "reason")) == [
        ("one", "view", "system:tests", "/clinic/"),
        ("two", "view", "system:tests", "/clinic/"),
    ]
    assert [entry.patient for entry in entries_about("one")] == ["one"]


@pytest.mark.django_db
@pytest.mark.parametrize("table", ["audit_accessentry", "audit_accessseal"])
@pytest.mark.parametrize("change", ["UPDATE {} SET id = 0", "DELETE FROM {}", "TRUNCATE {}", "TRUNCATE {} CASCADE"])
def test_the_log_can_neither_be_changed_nor_shortened(table: str, change: str) -> None:
    look_at("one")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change.format(table))
    assert AccessEntry.objects.count() == 1


@pytest.mark.django_db
def test_a_line_names_the_app_and_the_address_that_it_came_from() -> None:
    app = Actor("user:1", "Hoa", Role.CITIZEN, patient="one", client="diary", address="203.0.113.7")
    record_access(actor=app, action="view", patients=["one"])
    look_at("one")
    lines = AccessEntry.objects.order_by("id").values_list("client", "address")
    assert list(lines) == [("diary", "203.0.113.7"), ("", "")]


@pytest.mark.django_db(transaction=True)
def test_each_finished_access_is_sealed_once() -> None:
    look_at("one")
    look_at("two")
    assert sealed().entries == 2
    assert seal_entries() is None
    look_at("three")
    assert [sealed().entries, AccessSeal.objects.count()] == [1, 2]
