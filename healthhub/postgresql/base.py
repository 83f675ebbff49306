"""The database backend that ``settings.DATABASES`` names."""

import select
import time
from typing import Any
from weakref import ref

from django.db.backends.postgresql import base

from healthhub.postgresql.wall import Asker, Connection, WalledCursor

CHECK_EVERY_SECONDS = 5
_UNKNOWN = object()


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's PostgreSQL backend that asks an idle connection whether it still lives, but not on every request.

    Django's own health check is one more round trip for each request, a quarter of the cost of a FHIR read.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._seen_alive = 0.0
        self.asker: Asker | None = None  # who shall ask from now on (see ``wall``); None: HealthHub itself
        self.told: object = None  # who asks, as the connection was told last

    def get_connection_params(self) -> dict[str, Any]:
        """With cursors that know who asks."""
        return {**super().get_connection_params(), "connection_factory": Connection, "cursor_factory": WalledCursor}

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection that was told nothing yet."""
        made = super().get_new_connection(conn_params)
        made.wrapper, self.told = ref(self), None
        return made

    def forget(self) -> None:
        """What the connection was told may have been rolled back: tell it again before the next statement."""
        self.told = _UNKNOWN

    def _rollback(self) -> None:
        super()._rollback()  # type: ignore[misc]
        self.forget()

    def _savepoint_rollback(self, sid: str) -> None:
        super()._savepoint_rollback(sid)  # type: ignore[misc]
        self.forget()

    def is_usable(self) -> bool:
        """Whether the connection answers, or did within the last seconds."""
        now = time.monotonic()
        if now - self._seen_alive < CHECK_EVERY_SECONDS and not self.errors_occurred and not self._has_news():
            return True
        usable = bool(super().is_usable())
        self._seen_alive = now if usable else 0.0
        return usable

    def _has_news(self) -> bool:
        """Whether something arrived while nothing was asked: a server that shuts down says so and hangs up."""
        if self.connection is None or self.connection.closed:
            return True
        poll = select.poll()
        poll.register(self.connection.fileno(), select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        """Close the connection; the next one is a new acquaintance."""
        self._seen_alive = 0.0
        super().close()
