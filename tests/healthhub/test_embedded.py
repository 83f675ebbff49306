"""The embedded servers, started for real in folders of the tests' own."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg2
import pytest
from psycopg2.extras import wait_select

from healthhub import embedded
from healthhub.embedded.place import Place

ROOT = Path(__file__).resolve().parent.parent.parent
USE = """
import sys
from pathlib import Path
from healthhub import embedded
var = Path(sys.argv[1])
print(embedded.database_url(var), embedded.broker_url(var), flush=True)
sys.stdin.read()
"""
REVIVE = """
import sys
from pathlib import Path
from healthhub import embedded
var = Path(sys.argv[1])
print(embedded.database_url(var), embedded.broker_url(var), flush=True)
print(embedded.revive(var), flush=True)
for line in sys.stdin:
    print(embedded.revive(var), flush=True)
"""


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Path]:
    """A folder that is not there yet."""
    yield tmp_path / "var"
    embedded.stop(tmp_path / "var")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose servers have run once. Making PostgreSQL's data takes far longer than starting it again."""
    var = tmp_path_factory.mktemp("made") / "var"
    with use(var):
        pass
    return var


@pytest.fixture
def var(made: Path, fresh: Path) -> Path:
    """A folder whose servers have run before."""
    copy(made, fresh)
    return fresh


def copy(made: Path, var: Path) -> None:
    """With owners and all."""
    subprocess.run(["cp", "-a", made, var], check=True)


def start(var: Path, code: str = USE) -> "subprocess.Popen[str]":
    """A process that uses the servers until its standard input is closed."""
    env = {key: value for key, value in os.environ.items() if key != "HEALTHHUB_NO_SERVICES"}
    return subprocess.Popen(
        [sys.executable, "-c", code, str(var)],
        cwd=ROOT,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def addresses(process: "subprocess.Popen[str]") -> list[str]:
    return process.stdout.readline().split()


def leave(process: "subprocess.Popen[str]") -> None:
    process.communicate()
    assert process.returncode == 0


@contextmanager
def use(var: Path) -> Iterator[str]:
    """Use the servers; gives the database's address."""
    process = start(var)
    yield addresses(process)[0]
    leave(process)


def query(url: str, sql: str) -> object:
    connection = psycopg2.connect(url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchone()[0] if cursor.description else None
    finally:
        connection.close()


def servers(var: Path) -> list[psutil.Process]:
    """PostgreSQL's and Valkey's main processes of this folder."""
    place = Place.of(var)
    found = []
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
        except psutil.Error:
            continue
        if words[1:3] == ["-D", str(place.postgres / "data")] or f"{place.sockets}/valkey.sock" in " ".join(words[:2]):
            found.append(process)
    return found


def works(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_the_last_to_leave_stops_the_servers_and_the_data_stay(fresh):
    with use(fresh) as url:
        query(url, "CREATE TABLE kept AS SELECT 'Nguyễn Văn Đức' AS name")
        assert len(servers(fresh)) == 2
    assert servers(fresh) == []
    with use(fresh) as url:
        assert query(url, "SELECT lower(name) FROM kept") == "nguyễn văn đức"


def test_processes_that_start_together_share_one_server_and_do_not_stop_it_under_each_other(fresh):
    processes = [start(fresh) for _ in range(4)]
    assert len({tuple(addresses(process)) for process in processes}) == 1
    assert len(servers(fresh)) == 2
    for process in processes[:-1]:
        leave(process)
    url = embedded.postgres.url(Place.of(fresh))
    assert query(url, "SELECT 1") == 1
    leave(processes[-1])
    assert servers(fresh) == []


def test_a_user_killed_outright_holds_nothing_open(var):
    killed = start(var)
    addresses(killed)
    killed.kill()
    killed.communicate()
    assert len(servers(var)) == 2
    with use(var):
        pass
    assert servers(var) == []


def test_servers_killed_outright_come_back_with_their_data(var):
    with use(var) as url:
        query(url, "CREATE TABLE kept AS SELECT 42 AS number")
        for server in servers(var):
            server.send_signal(signal.SIGKILL)
        psutil.wait_procs(servers(var), timeout=10)
        with use(var) as again:
            assert query(again, "SELECT number FROM kept") == 42


def test_a_user_brings_back_the_servers_that_it_uses_and_says_which(var):
    process = start(var, REVIVE)
    url = addresses(process)[0]
    assert process.stdout.readline() == "[]\n"
    query(url, "CREATE TABLE kept AS SELECT 42 AS number")
    for server in servers(var):
        server.kill()
    psutil.wait_procs(servers(var), timeout=10)
    process.stdin.write("again\n")
    process.stdin.flush()
    assert process.stdout.readline() == "['PostgreSQL', 'Valkey']\n"
    assert query(url, "SELECT number FROM kept") == 42
    leave(process)
    assert servers(var) == []


def test_a_new_server_waits_for_the_work_that_a_killed_one_left_behind(var):
    with use(var) as url:
        busy = psycopg2.connect(url, async_=True)
        wait_select(busy)
        cursor = busy.cursor()
        cursor.execute("SELECT count(*) FROM generate_series(1, 20000000) AS n WHERE n % 7 = sqrt(n)")
        pid = busy.info.backend_pid
        (main,) = [server for server in servers(var) if "-D" in server.cmdline()]
        main.kill()
        main.wait(10)
        assert works(pid)
        with use(var) as again:
            assert query(again, "SELECT 1") == 1
            assert not works(pid)


def test_the_servers_log_holds_nothing_of_what_was_asked(var):
    with use(var) as url:
        query(url, "CREATE TABLE people AS SELECT 'Nguyễn Văn Đức' AS name; CREATE UNIQUE INDEX ON people (name)")
        with pytest.raises(psycopg2.errors.UniqueViolation):
            query(url, "INSERT INTO people VALUES ('Nguyễn Văn Đức')")
    log = (Place.of(var).postgres / "server.log").read_text()
    assert "duplicate key value violates unique constraint" in log
    assert "Nguyễn" not in log


def test_pid_files_that_name_another_program_keep_nobody_out(var):
    with use(var):
        pass
    place = Place.of(var)
    line = f"{os.getpid()}\n{place.postgres / 'data'}\n0\n5432\n{place.sockets}\n\n"
    (place.postgres / "data" / "postmaster.pid").write_text(line)
    (place.sockets / ".s.PGSQL.5432.lock").write_text(line)
    (place.sockets / "valkey.sock").touch()
    with use(var) as url:
        assert query(url, "SELECT 1") == 1


def test_a_path_too_long_or_too_odd_for_a_socket_gets_a_private_folder_of_its_own(tmp_path, made):
    for var in (tmp_path / ("long" * 30) / "var", tmp_path / "Hồ sơ 100%" / "var"):
        sockets = Place.of(var).sockets
        var.parent.mkdir(parents=True)
        copy(made, var)
        with use(var) as url:
            assert query(url, "SELECT 1") == 1
            assert sockets.parent == Path("/tmp")
            assert sockets.stat().st_mode & 0o777 == 0o700
        assert not sockets.exists()


def test_nothing_but_var_is_made_or_opened_to_others(tmp_path, fresh):
    before = {folder: (folder.stat().st_mode, folder.stat().st_uid) for folder in (tmp_path, *tmp_path.parents)}
    with use(fresh):
        assert sorted(path.name for path in tmp_path.iterdir()) == ["var"]
        for folder in (fresh, fresh / "postgres", fresh / "valkey", fresh / "run"):
            assert folder.stat().st_mode & 0o777 == 0o700
    assert {folder: (folder.stat().st_mode, folder.stat().st_uid) for folder in before} == before


def test_the_application_is_no_superuser_and_may_make_its_test_database(var):
    with use(var) as url:
        assert query(url, "SELECT rolsuper::int || ' ' || rolcreatedb::int FROM pg_roles WHERE rolname = user") == "0 1"
        assert query(url, "SHOW fsync") == "on"
        assert query(url, "SHOW synchronous_commit") == "on"
        assert query(url, "SHOW listen_addresses") == ""


def test_addresses_can_be_had_without_starting_anything(fresh, monkeypatch):
    monkeypatch.setenv("HEALTHHUB_NO_SERVICES", "1")
    assert embedded.database_url(fresh) == f"postgresql://healthhub@/healthhub?host={Place.of(fresh).sockets}&port=5432"
    assert embedded.broker_url(fresh) == f"redis+socket://{Place.of(fresh).sockets}/valkey.sock?virtual_host=0"
    assert not fresh.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_somebody_else_is_refused(fresh):
    (fresh / "postgres").mkdir(parents=True)
    os.chown(fresh / "postgres", 12345, 12345)
    with pytest.raises(embedded.ServiceError, match="belongs to another user"):
        Place.of(fresh).prepare()


def test_stop_stops_what_others_use_and_says_what(var):
    process = start(var)
    addresses(process)
    assert embedded.stop(var) == ["PostgreSQL", "Valkey"]
    assert servers(var) == []
    leave(process)
    assert embedded.stop(var) == []
