"""PostgreSQL and Valkey from PyPI wheels, for one machine that has neither.

`settings.py` asks here for an address when DATABASE_URL or CELERY_BROKER_URL is unset.

Who starts and stops them: the first process that asks starts a server, every process that asked holds a shared lock
until it ends, and the last one to leave stops the servers. So a one-off `manage.py` command leaves nothing behind, and
never stops what another process still uses. A process killed outright drops its lock too; what it left running is
stopped by the next one that leaves, or by `make stop`. HEALTHHUB_NO_SERVICES=1 gives addresses and starts nothing.

What changes on the machine: `var/` only (and a private folder under /tmp when the path of `var/` is too long for a
socket). Both servers listen on a Unix socket inside a 0700 folder, never on a port. PostgreSQL refuses to run as root,
so for root both run as `nobody`, who owns just the three folders named in `Place`; where the checkout lies in a folder
closed to others (/root), they get the one Linux capability to pass through it instead of a change to that folder.
"""

import atexit
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from healthhub.embedded import postgres, valkey
from healthhub.embedded.place import Place, ServiceError

__all__ = ["ServiceError", "broker_url", "database_url", "revive", "stop"]

_SERVERS = {"PostgreSQL": postgres, "Valkey": valkey}


def database_url(var: Path) -> str:
    """The address of this folder's PostgreSQL, started if need be. Takes any libpq client (`psql "$URL"`)."""
    place = Place.of(var)
    _use(place, "PostgreSQL")
    return postgres.url(place)


def broker_url(var: Path) -> str:
    """The address of this folder's Valkey, started if need be, in Celery's spelling (database 0)."""
    place = Place.of(var)
    _use(place, "Valkey")
    return valkey.url(place)


def revive(var: Path) -> list[str]:
    """Start again whichever of the servers that this process uses has died; their names."""
    place = Place.of(var)
    dead = [name for name in _used.get(place.var, ()) if not _SERVERS[name].runs(place)]
    for name in dead:
        with _locked(place.var / "services.start"):
            _SERVERS[name].start(place)
    return dead


def stop(var: Path) -> list[str]:
    """Stop this folder's servers, whoever uses them; the names of those that were running."""
    place = Place.of(var)
    if not place.var.is_dir():
        return []
    with _locked(place.var / "services.start"):
        return _stop(place)


_users: dict[Path, IO[bytes]] = {}
_used: dict[Path, list[str]] = {}


def _use(place: Place, name: str) -> None:
    if os.environ.get("HEALTHHUB_NO_SERVICES"):
        return
    place.var.mkdir(mode=0o700, parents=True, exist_ok=True)
    if place.var not in _users:
        _users[place.var] = _open(place.var / "services.users")
        fcntl.flock(_users[place.var], fcntl.LOCK_SH)  # waits for a last user that is just stopping the servers
        atexit.register(_leave, place, os.getpid())
    with _locked(place.var / "services.start"):
        place.prepare()
        _SERVERS[name].start(place)
    _used.setdefault(place.var, []).append(name)


def _leave(place: Place, pid: int) -> None:
    if os.getpid() != pid:  # a forked child is no user of its own
        return
    with _users.pop(place.var) as users:
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        with _locked(place.var / "services.start"):
            _stop(place)


def _stop(place: Place) -> list[str]:
    stopped = [name for name, server in _SERVERS.items() if server.stop(place)]
    if place.sockets.parent != place.var:
        with suppress(OSError):
            place.sockets.rmdir()
    return stopped


def _open(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+b")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with _open(path) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
