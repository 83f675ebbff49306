"""``manage.py verify_audit`` as the person on duty runs it: nothing in the log can be changed unseen."""

import hashlib
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from healthhub.accounts.actors import Actor, Role
from healthhub.audit.log import record_access
from healthhub.audit.models import AccessEntry, AccessSeal
from healthhub.audit.seals import seal_entries
from tests.healthhub.sealing import sealed

pytestmark = pytest.mark.django_db(transaction=True)
ACTOR = Actor("user:7", "BS Mai", Role.CLINICIAN, facility="f1", client="viewer", address="203.0.113.7")


def told(*options: str) -> str:
    out = io.StringIO()
    call_command("verify_audit", *options, stdout=out)
    return out.getvalue()


def broken(*options: str) -> str:
    with pytest.raises(CommandError) as raised:
        told(*options)
    assert raised.value.returncode == 1
    return str(raised.value)


@contextmanager
def unstopped() -> Iterator[Any]:
    """As somebody who may switch the triggers off."""
    alter = "ALTER TABLE audit_accessentry {0} TRIGGER USER; ALTER TABLE audit_accessseal {0} TRIGGER USER"
    with connection.cursor() as cursor:
        cursor.execute(alter.format("DISABLE"))
        yield cursor
        changed = cursor.rowcount
        cursor.execute(alter.format("ENABLE"))
        assert changed > 0


def meddle(sql: str, *params: Any) -> None:
    with unstopped() as cursor:
        cursor.execute(sql, params or None)


@pytest.fixture
def seals() -> list[AccessSeal]:
    """Three seals, each over two lines of one look at two people."""
    return [look_at_two() for _ in range(3)]


def look_at_two() -> AccessSeal:
    record_access(
        actor=ACTOR, action="view", patients=["one", "two"], resource_type="Patient", resource_id="p", reason="/clinic/"
    )
    return sealed()


def test_an_intact_log_says_how_much_is_sealed_and_what_is_not_yet() -> None:
    assert told() == "0 sealed lines are intact (no seal yet).\n0 lines are not sealed yet.\n"
    seal = look_at_two()
    record_access(actor=ACTOR, action="view", patients=["three"])
    since = AccessEntry.objects.latest("id").at
    assert told() == (
        f"2 sealed lines are intact (seal 1:{seal.digest}).\n"
        f"1 lines are not sealed yet, the oldest of {since:%Y-%m-%d %H:%M} UTC.\n"
    )


COLUMNS = [field.column for field in AccessEntry._meta.get_fields() if hasattr(field, "column")]
OTHER = {"id": "id + 1000", "at": "at + interval '1 second'", "transaction": "transaction + 1"}


@pytest.mark.parametrize("column", COLUMNS)
def test_no_column_of_a_sealed_line_can_be_changed_unseen(column: str, seals: list[AccessSeal]) -> None:
    line = AccessEntry.objects.filter(patient="two").order_by("id")[1].pk
    changed = OTHER.get(column, f"{column} || 'x'")
    meddle(f"UPDATE audit_accessentry SET {column} = {changed} WHERE id = %s", line)
    said = broken()
    assert f"\nseal 2 of {seals[1].sealed_at:%Y-%m-%d %H:%M} UTC over transactions " in said
    assert " 2 lines: " in said


@pytest.mark.parametrize("column", ["facility", "patient"])
def test_nothing_and_an_empty_text_are_not_the_same(column: str) -> None:
    record_access(actor=Actor("user:7", "Mai", Role.OFFICER), action="view", patients=[None])
    sealed()
    meddle(f"UPDATE audit_accessentry SET {column} = '' WHERE {column} IS NULL")
    assert "seal 1 " in broken()


def test_no_text_can_be_moved_from_one_column_into_the_next(seals: list[AccessSeal]) -> None:
    meddle("UPDATE audit_accessentry SET client = client || ',' || address, address = ''")
    assert "seal 1 " in broken()


def test_a_removed_line_is_missed(seals: list[AccessSeal]) -> None:
    before = AccessEntry.objects.filter(transaction__lt=seals[1].up_to_transaction).order_by("-transaction", "-id")[0]
    meddle("DELETE FROM audit_accessentry WHERE id = %s", before.pk)
    span = f"over transactions {seals[0].up_to_transaction} to {seals[1].up_to_transaction - 1}, 2 lines"
    assert re.findall(r"\nseal (\d) of .{20} (.*): 1 lines are there", broken()) == [("2", span)]


INSERT = """
INSERT INTO audit_accessentry (at, transaction, actor, actor_name, role, action, resource_type, resource_id, reason)
SELECT at, {}, actor, actor_name, role, action, '', '', '' FROM audit_accessentry ORDER BY id LIMIT 1
"""


def test_an_inserted_line_is_found(seals: list[AccessSeal]) -> None:
    with connection.cursor() as cursor:  # nothing stops adding lines
        cursor.execute(INSERT.format("transaction"))
    assert re.findall(r"\nseal (\d) .*: 3 lines are there", broken()) == ["1"]


@pytest.mark.parametrize(
    ("transaction", "said"),
    [("0", "1 lines stand before every seal"), ("transaction + 1000000", "1 lines are of transactions that have not")],
)
def test_a_line_out_of_every_span_is_found(transaction: str, said: str, seals: list[AccessSeal]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(INSERT.format(transaction))
    assert said in broken()


@pytest.mark.parametrize("number", [1, 2])
def test_a_removed_seal_is_missed(number: int, seals: list[AccessSeal]) -> None:
    meddle("DELETE FROM audit_accessseal WHERE id = %s", number)
    assert f"\nseal {number + 1} of " in broken()
    assert f"seal {number} should come before it" in broken()


def test_a_removed_newest_seal_is_missed_by_whoever_has_noted_it(seals: list[AccessSeal]) -> None:
    note = f"--known=3:{seals[2].digest}"
    assert told(note) == told()
    meddle("DELETE FROM audit_accessseal WHERE id = 3")
    assert "2 lines are not sealed yet" in told()
    assert seal_entries() is not None  # sealed anew, as the one who meddled would have it
    assert f"seal 3 with the digest {seals[2].digest} is not here" in broken(note)


@pytest.mark.parametrize(
    "change",
    [
        *("sealed_at = sealed_at + interval '1 day'", "after_transaction = after_transaction - 1"),
        *("up_to_transaction = up_to_transaction + 1", "entries = 1", "digest = ''", "format = 1", "format = 3"),
    ],
)
def test_nothing_of_a_seal_can_be_changed_unseen(change: str, seals: list[AccessSeal]) -> None:
    meddle(f"UPDATE audit_accessseal SET {change} WHERE id = 3")
    assert "\nseal 3 of " in broken()


def test_seals_of_the_former_release_still_verify() -> None:
    leaf = MigrationExecutor(connection).loader.graph.leaf_nodes("audit")
    try:
        MigrationExecutor(connection).migrate([("audit", "0002_append_only")])
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO audit_accessentry (at, transaction, actor, actor_name, role, facility, action, "
                "resource_type, resource_id, patient, reason) SELECT now(), 5 + n, 'user:7', 'Mai', 'clinician', NULL, "
                "'view', 'Patient', 'p', 'one', '/clinic/' FROM generate_series(1, 2) n RETURNING concat_ws(E'\\x1f', "
                "id, extract(epoch FROM at), transaction, actor, actor_name, role, coalesce(facility, ''), action, "
                "resource_type, resource_id, coalesce(patient, ''), reason)"
            )
            lines = "".join(f"{line}\x1e" for (line,) in cursor.fetchall())
            digest = hashlib.sha256(lines.encode()).hexdigest()
            cursor.execute(
                "INSERT INTO audit_accessseal (sealed_at, after_transaction, up_to_transaction, entries, digest) "
                "VALUES (now(), 0, 10, 2, %s)",
                [digest],
            )
    finally:
        MigrationExecutor(connection).migrate(leaf)
    record_access(actor=ACTOR, action="view", patients=["two"])
    newer = sealed()
    assert told().startswith(f"3 sealed lines are intact (seal {newer.pk}:{newer.digest}).")
    assert list(AccessSeal.objects.order_by("id").values_list("format", flat=True)) == [1, 2]
    meddle("UPDATE audit_accessentry SET address = '203.0.113.9' WHERE transaction = 6")
    assert f"seal {newer.pk - 1} of " in broken()
