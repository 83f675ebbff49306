"""The access log only grows, and its seals find out who meddled with it."""

import pytest
from django.db import DatabaseError, connection, transaction

from healthhub.accounts.actors import system_actor
from healthhub.audit.log import entries_about, record_access
from healthhub.audit.models import AccessEntry, AccessSeal
from healthhub.audit.seals import broken_seals, seal_entries
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
@pytest.mark.parametrize("change", ["UPDATE audit_accessentry SET actor = 'nobody'", "DELETE FROM audit_accessentry"])
def test_the_log_can_neither_be_changed_nor_shortened(change: str) -> None:
    look_at("one")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change)
    assert AccessEntry.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_each_finished_access_is_sealed_once() -> None:
    look_at("one")
    look_at("two")
    assert sealed().entries == 2
    assert seal_entries() is None
    look_at("three")
    assert [sealed().entries, AccessSeal.objects.count()] == [1, 2]
    assert broken_seals() == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "meddle",
    [
        "UPDATE audit_accessentry SET actor_name = 'somebody else' WHERE patient = 'two'",
        "DELETE FROM audit_accessentry WHERE patient = 'two'",
        "INSERT INTO audit_accessentry (at, transaction, actor, actor_name, role, action, resource_type, resource_id, "
        "reason) SELECT at, transaction, actor, actor_name, role, action, '', '', '' FROM audit_accessentry LIMIT 1",
    ],
)
def test_meddling_with_sealed_lines_is_found_out(meddle: str) -> None:
    for person in ("one", "two", "three"):
        look_at(person)
        sealed()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_accessentry DISABLE TRIGGER audit_accessentry_append_only")
        cursor.execute(meddle)
        cursor.execute("ALTER TABLE audit_accessentry ENABLE TRIGGER audit_accessentry_append_only")
    assert len(broken_seals()) == 1
