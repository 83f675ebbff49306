"""The tests' database: a copy of a migrated one, brought back to what the migrations left after a test that commits.

Migrating takes a quarter of a minute of a processor; copying what was migrated takes half a second. So there is one
migrated database for each state of the migrations, kept on the server, and each run (each worker of a run, with
pytest-xdist) copies it. ``--create-db`` migrates anew.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.test import TransactionTestCase

_PREFIX = "test_template_"
_LOCK = "SELECT pg_advisory_lock(hashtext('tests of healthhub'))"
#: What the migrated rows and tables are made from; another package brings other migrations of its own.
_MADE_FROM = (
    "*/migrations/*.py",
    "*/*/migrations/*.py",
    "*/*/*/migrations/*.py",
    "records/areas.py",
    "records/data/*.csv",
    "requirements.txt",
)


@contextmanager
def own_database(*, anew: bool = False) -> Iterator[None]:
    """A database of this process alone, named as Django names tests' databases."""
    name = connection.creation._get_test_db_name()
    outside = connection.settings_dict["NAME"]
    with _server() as cursor:
        template = _migrated(cursor, anew=anew)
        _drop(cursor, name)
        cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        # Nobody pulls the plug during a test: a commit need not wait for the disk.
        cursor.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
    _use(name)
    _of_the_migrations()
    TransactionTestCase._fixture_teardown = lambda self: empty_tables()  # type: ignore[method-assign]  # Django asks nobody
    yield
    connection.close()
    _use(outside)
    with _server() as cursor:
        _drop(cursor, name)


@contextmanager
def taken_back() -> Iterator[None]:
    """Rows that several tests look at, taken back at the end; what each of those writes goes with it."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def empty_tables() -> None:
    """Take out every row that a test committed, as fast as tables can be emptied: those that have rows, at once."""
    with connection.cursor() as cursor:
        cursor.execute(_whether_filled())
        if filled := [table for (table,) in cursor.fetchall() if table not in _of_the_migrations()]:
            cursor.execute("SET lock_timeout = '60s'")  # who still holds a table then has been forgotten by its test
            keeping = [table for table in filled if table in ("audit_accessentry", "audit_accessseal")]
            alter = "; ".join(f"ALTER TABLE {table} {{0}} TRIGGER USER" for table in keeping)  # they refuse, for good
            cursor.execute(f"{alter.format('DISABLE')}; TRUNCATE {', '.join(filled)} CASCADE; {alter.format('ENABLE')}")
            cursor.execute("RESET lock_timeout")


@cache
def _whether_filled() -> str:
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    return " UNION ALL ".join(f"SELECT '{table}' WHERE EXISTS (SELECT FROM \"{table}\")" for table in sorted(tables))


@cache
def _of_the_migrations() -> frozenset[str]:
    """The tables which the migrations filled; asked first before any test has committed a row."""
    with connection.cursor() as cursor:
        cursor.execute(_whether_filled())
        return frozenset(table for (table,) in cursor.fetchall())


def _migrated(cursor: CursorWrapper, *, anew: bool = False) -> str:
    """The name of the migrated database, made if it is not there. Others wait meanwhile: the lock is the cursor's."""
    name = f"{_PREFIX}{_state()}"
    cursor.execute(_LOCK)
    cursor.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", [f"{_PREFIX}%"])
    there = {row[0] for row in cursor.fetchall()}
    if name in there and not anew:
        return name
    for old in there:
        _drop(cursor, old)
    outside, unfinished = connection.settings_dict["NAME"], f"{_PREFIX}unfinished"
    test: dict[str, Any] = connection.settings_dict["TEST"]
    own, test["NAME"] = test["NAME"], unfinished
    try:
        connection.creation.create_test_db(verbosity=0, autoclobber=True)
    finally:
        test["NAME"] = own
        _use(outside)
    cursor.execute(f'ALTER DATABASE "{unfinished}" RENAME TO "{name}"')
    return name


def _drop(cursor: CursorWrapper, name: str) -> None:
    """Drop a database that forgotten processes may still use. WITH (FORCE) would fail beside the server's own vacuum,
    which only a superuser may end; without it PostgreSQL sends that away by itself and waits."""
    cursor.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND usename = current_user", [name]
    )
    cursor.execute(f'DROP DATABASE IF EXISTS "{name}"')


@contextmanager
def _server() -> Iterator[CursorWrapper]:
    """A cursor on the server rather than in one of the tests' databases."""
    with connection.creation._nodb_cursor() as cursor:
        yield cursor


def _use(name: str) -> None:
    """Let this process, and what it tells its children, work in the database."""
    connection.close()
    settings.DATABASES["default"]["NAME"] = connection.settings_dict["NAME"] = name


@cache
def _state() -> str:
    """A short name for what the migrations say now."""
    root, digest = Path(settings.BASE_DIR), hashlib.sha256(" ".join(settings.INSTALLED_APPS).encode())
    for pattern in _MADE_FROM:
        for path in sorted(root.glob(pattern)):
            digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
