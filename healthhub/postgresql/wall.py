"""The second wall: PostgreSQL itself shows a request only the people who concern whoever asks.

The first wall is the rule in code, which every query for people's data starts from. Should one ever forget it, the
tables of names and of records answer only what their row-level security lets the asker see. A request therefore runs
under a role of its own (``ROLE``), to which the policies apply, and says who asks; what HealthHub does by itself
(writing, finding out who somebody is, nightly work) runs as the tables' owner, to whom they do not. Which rows concern
whom is said by the app that owns the tables (``records.access.wall``).

Who asks is sent along with the next statement, in the same round trip, and only when it differs from what the
connection was told last.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from django import db
from psycopg2.extensions import TRANSACTION_STATUS_INERROR, connection, cursor

if TYPE_CHECKING:
    from healthhub.postgresql.base import DatabaseWrapper

ROLE: Final = "healthhub_walled"
#: Lets searches behind the wall use the index on tokens. PostgreSQL runs a query's own conditions before a policy only
#: if they can tell nothing of the rows that it hides, and it does not trust ``&&`` of arrays, whose elements may be of
#: any type; of ours, which are numbers, it tells nothing. Only a superuser may say so.
LEAKPROOF: Final = "ALTER FUNCTION pg_catalog.arrayoverlap(anyarray, anyarray) LEAKPROOF"


class Asker(NamedTuple):
    """Who asks: nobody, unless something is said. The policies read these as settings (``healthhub.facility`` …).

    Somebody of this ``facility``; this ``patient`` herself or who stands for her; who has ``opened`` these people's
    records in an emergency; who may read the ``names`` of all, as officers and auditors do, but nobody's record.
    """

    facility: str = ""
    patient: str = ""
    opened: tuple[str, ...] = ()
    names: bool = False


NOBODY: Final = Asker()


@contextmanager
def walled(asker: Asker | None) -> Iterator[None]:
    """Run as this asker, whatever was before; None: as HealthHub itself."""
    with _standing(asker):
        yield


@contextmanager
def unwalled() -> Iterator[None]:
    """Run as HealthHub itself: for work that the code around it has decided the asker may have done."""
    with _standing(None):
        yield


@contextmanager
def _standing(asker: Asker | None) -> Iterator[None]:
    ours = cast("DatabaseWrapper", db.connection)
    before, ours.asker = ours.asker, asker
    try:
        yield
    finally:
        ours.asker = before


def is_walled() -> bool:
    """Whether somebody asks, so that policies apply."""
    return cast("DatabaseWrapper", db.connection).asker is not None


class Connection(connection):
    """Knows Django's wrapper of it, which knows who asks."""

    wrapper: Callable[[], "DatabaseWrapper"]


class WalledCursor(cursor):
    """A cursor that first tells the connection who asks, if that has changed."""

    def execute(self, query: Any, vars: Any = None) -> None:
        """As psycopg2 does."""
        wrapper = self._wrapper
        if wrapper.told == wrapper.asker:
            return super().execute(query, vars)
        if wrapper.asker is None or self.name or not isinstance(query, str):
            self._tell()
            return super().execute(query, vars)
        if self._is_aborted():
            return super().execute(query, vars)
        told, wrapper.told = _said(wrapper.asker), wrapper.asker
        try:
            own = query.encode() if vars is None else self.mogrify(query, vars)
            return super().execute(self.mogrify(*told) + b"; " + own)
        except BaseException:
            wrapper.forget()
            raise

    def executemany(self, query: Any, vars_list: Any) -> None:
        """As psycopg2 does."""
        self._tell()
        super().executemany(query, vars_list)

    def copy_expert(self, sql: Any, file: Any, size: int = 8192) -> None:
        """As psycopg2 does."""
        self._tell()
        super().copy_expert(sql, file, size)

    @property
    def _wrapper(self) -> "DatabaseWrapper":
        return cast("Connection", self.connection).wrapper()

    def _tell(self) -> None:
        """In a round trip of its own: before what cannot stand beside another statement."""
        wrapper = self._wrapper
        if wrapper.told != wrapper.asker and not self._is_aborted():
            with self.connection.cursor(cursor_factory=cursor) as first:
                first.execute(*_said(wrapper.asker))
            wrapper.told = wrapper.asker

    def _is_aborted(self) -> bool:
        """Nothing but a rollback is possible now, after which all is told again."""
        return bool(self.connection.get_transaction_status() == TRANSACTION_STATUS_INERROR)


def _said(asker: Asker | None) -> tuple[str, tuple[str, ...]]:
    if asker is None:
        return "RESET ROLE", ()
    settings = ", ".join(f"set_config('healthhub.{name}', %s, false)" for name in Asker._fields)
    values = (asker.facility, asker.patient, ",".join(asker.opened), "on" if asker.names else "")
    return f"SELECT {settings}; SET ROLE {ROLE}", values
