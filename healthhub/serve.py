"""The whole of HealthHub on one machine, in one terminal: `make demo`, or `python -m healthhub.serve`.

Brings the database up to date, fills an empty one with the demo city, runs the web server, the Celery worker and beat,
and stops all of them on Ctrl-C or SIGTERM. What dies, the database and the queue too, is started again, and it is said.
The logs are in `var/log/`. PORT (8000) and HOST (127.0.0.1) say where to listen.
"""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from io import StringIO
from pathlib import Path
from types import FrameType
from typing import Any

import django

from healthhub import embedded
from healthhub.processes import AlreadyRunning, Program, keep_running, only_one, run, stop_all

WEB_WORKERS = 2
WEB_THREADS = 4  # a worker; each keeps a database connection, and without a limit a crowd would use all of them up
TASK_THREADS = 2
READY_SECONDS = 60
DEMO_TESTS = 40_700
# NumPy's own threads and glibc's memory arenas would cost each process tens of megabytes.
FRUGAL = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}


def main() -> int:
    """Run until told to stop; the exit code."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "healthhub.settings")
    host, said = os.environ.get("HOST", "127.0.0.1"), os.environ.get("PORT") or "8000"
    if not said.isdecimal() or not 0 < (port := int(said)) < 2**16:
        print(f"PORT must be a number from 1 to 65535, not {said}.", file=sys.stderr)
        return 1
    for stop in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # a shell starts background jobs with SIGINT ignored
        signal.signal(stop, _interrupt)
    try:
        return _serve(host, port)
    except KeyboardInterrupt:
        print("\nStopped.", flush=True)
        return 0
    except AlreadyRunning as running:
        print(f"It runs already (process {running}). `make stop` stops it.", file=sys.stderr)
    except PortTaken as taken:
        number, why = taken.args
        print(f"Port {number} cannot be had ({why}). Choose another: PORT=8001 make demo", file=sys.stderr)
    except embedded.ServiceError as problem:
        print(problem, file=sys.stderr)
    except subprocess.CalledProcessError as failed:
        print(f"`{' '.join(failed.cmd[1:])}` failed (exit code {failed.returncode}).", file=sys.stderr)
    return 1


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _serve(host: str, port: int) -> int:
    _require_free(host, port)
    _say("Starting the database and the queue")
    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    from healthhub.accounts.demo import set_up_demo_codes

    env = {**os.environ, **FRUGAL}
    root, var = Path(settings.BASE_DIR), Path(settings.VAR_DIR)
    (var / "log").mkdir(parents=True, exist_ok=True)
    with only_one(var):
        manage = [sys.executable, str(root / "manage.py")]
        _say("Bringing the database up to date")
        call_command("migrate", interactive=False, verbosity=0)
        if settings.DEMO and _wants_city():
            _say(f"Building the demo city with {DEMO_TESTS:,} screening tests (about a minute, only this once)")
            run([*manage, "load_demo", "--tests", str(DEMO_TESTS), "--seed", "1"], cwd=root, env=env)
        if settings.DEMO:
            set_up_demo_codes()
        call_command("protocol", "publish", stdout=StringIO())
        _require_free(host, port)  # again: the city took a minute
        programs = _programs(host, port, var / "log")
        _say("Starting the web server, the worker and the scheduler")
        try:
            for program in programs:
                program.start(cwd=root, env=env)
            address = f"http://{'localhost' if host in ('127.0.0.1', '0.0.0.0') else host}:{port}"
            if problem := _wait_until_ready(f"http://{_reachable(host)}:{port}/readyz", programs):
                print(problem, file=sys.stderr)
                return 1
            _welcome(address, demo=settings.DEMO)
            print(keep_running(programs, cwd=root, env=env, revive=lambda: embedded.revive(var)), file=sys.stderr)
            return 1
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not leave half of it running
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            print("\nStopping …", flush=True)
            stop_all(programs)


def _programs(host: str, port: int, logs: Path) -> list[Program]:
    web = ["granian", "--interface", "wsgi", "--host", host, "--port", str(port), "--workers", str(WEB_WORKERS)]
    web += ["--blocking-threads", str(WEB_THREADS), "--respawn-failed-workers", "--no-access-log"]
    celery = ["celery", "--app", "healthhub.celery"]
    worker = ["worker", "--pool", "threads", "--concurrency", str(TASK_THREADS), "--without-gossip", "--without-mingle"]
    commands = {
        "beat": [*celery, "beat", "--pidfile=", "--loglevel", "INFO"],
        "web": [*web, "healthhub.wsgi:application"],
        "worker": [*celery, *worker, "--loglevel", "INFO"],
    }
    return [Program(name, [sys.executable, "-m", *command], logs / f"{name}.log") for name, command in commands.items()]


def _wants_city() -> bool:
    """Whether nobody lives in the database yet (protocols may be there), or a load of the demo city was broken off."""
    from fhir.models import Resource
    from screening.demo.accounts import demo_accounts_exist
    from screening.demo.places import DEMO_CLINIC

    begun = Resource.objects.filter(type="Organization", id=f"demo-{DEMO_CLINIC}").exists()
    lived_in = Resource.objects.filter(type__in=("Patient", "Organization")).exists()
    return not demo_accounts_exist() and (begun or not lived_in)


class PortTaken(RuntimeError):
    """The port is another program's, or not for this user; the arguments are its number and the system's reason."""


def _require_free(host: str, port: int) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PortTaken(port, os.strerror(error.errno or 0)) from error


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)


def _wait_until_ready(url: str, programs: list[Program]) -> str:
    """Empty once the site answers as ready, else what is wrong."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    answer = ""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        for program in programs:
            if program.ended() is not None:
                return f"{program.name} did not start; the end of {program.log}:\n{program.tail(30)}"
        try:
            with direct.open(urllib.request.Request(url, headers={"Host": "localhost"}), timeout=5):
                return ""
        except urllib.error.HTTPError as error:
            answer = f"HTTP {error.code} {error.read(500).decode(errors='replace')}"
        except OSError as error:
            answer = str(error)
        time.sleep(0.2)  # a web server tells nobody that it is ready: ask again
    return f"The site is not ready after {READY_SECONDS} s: {answer}"


def _welcome(address: str, *, demo: bool) -> None:
    lines: list[Any] = ["", f"HealthHub runs at {address}   (Ctrl-C stops it)"]
    if demo:
        from healthhub.accounts import demo as sign_ins

        width = max(map(len, sign_ins.DEMO_USERS)) + len(sign_ins.DEMO_DOMAIN) + 1
        lines += ["", "The people in it are invented. Sign in as:"]
        lines += [
            f"  {f'{user}@{sign_ins.DEMO_DOMAIN}':{width}}   {sign_ins.DEMO_PASSWORD}" for user in sign_ins.DEMO_USERS
        ]
        lines += ["  Staff also give a code: the page that asks for it shows it."]
        lines += [f"  FHIR client {sign_ins.DEMO_CLIENT_ID} with secret {sign_ins.DEMO_CLIENT_SECRET}"]
        lines += [f"  at {address}/oauth/token and {address}/fhir"]
    print("\n".join(lines), "\n", flush=True)


_began = time.monotonic()


def _say(step: str) -> None:
    print(f"[{time.monotonic() - _began:5.1f} s] {step} …", flush=True)


if __name__ == "__main__":
    sys.exit(main())
