"""``make bench``: prints a table of what HealthHub does in a second, over HTTP and without the web layer.

Everything runs on this machine: server, PostgreSQL, queue and load share its cores, so compare the ratios. The
database is the demo city under ``var/bench``, made anew for each run unless ``--keep``.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).resolve().parent.parent
VAR = ROOT / "var" / "bench"


def main() -> None:
    """Load the demo city, then measure."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--tests", type=int, default=40_700, help="size of the demo city")
    parser.add_argument("--seconds", type=float, default=8, help="length of each measurement")
    parser.add_argument("--keep", action="store_true", help="use the database of the last run")
    parser.add_argument("--rows", type=int, default=200_000, help="size of the imported file")
    options = parser.parse_args()
    os.environ.update(
        HEALTHHUB_VAR=str(VAR), HEALTHHUB_DEMO="1", DJANGO_SETTINGS_MODULE="healthhub.settings", LOG_LEVEL="ERROR"
    )
    for name in ("DATABASE_URL", "CELERY_BROKER_URL"):
        os.environ.pop(name, None)
    load_seconds = None if options.keep and VAR.exists() else _load(options.tests)
    import django

    django.setup()
    from bench import imports, intake, samples, wall
    from healthhub.accounts.demo import DEMO_CLIENT_ID

    _measure(options.seconds, load_seconds, options.tests)
    imports.measure(VAR, "01901", area="00175", rows=options.rows)
    sample = samples.Samples.of_clinic(DEMO_CLIENT_ID)
    intake.measure(sample.facility, sample.patients)
    wall.measure(sample.actor, sample.observations, sample.patients)
    subprocess.run([sys.executable, "-m", "bench.recall"], cwd=ROOT, check=True)


def _manage(*arguments: str) -> None:
    subprocess.run([sys.executable, "manage.py", *arguments], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def _load(tests: int) -> float:
    subprocess.run([sys.executable, "scripts/stop.py"], cwd=ROOT, check=False, stdout=subprocess.DEVNULL)
    shutil.rmtree(VAR, ignore_errors=True)
    VAR.mkdir(parents=True)
    _manage("migrate")
    begin = time.perf_counter()
    _manage("load_demo", "--tests", str(tests), "--seed", "1")
    return time.perf_counter() - begin


def _measure(seconds: float, load_seconds: float | None, tests: int) -> None:
    from django.db import connection

    from bench import bare, client, samples, server, worklist
    from fhir import text
    from healthhub.accounts.demo import DEMO_CLIENT_ID
    from records.memberships import actor_for_client

    pick: Callable[[list[str]], str] = random.Random(1).choice
    sample = samples.Samples.of_clinic(DEMO_CLIENT_ID)
    actor = actor_for_client(DEMO_CLIENT_ID)
    assert actor
    print(f"{os.cpu_count()} cores, PostgreSQL {connection.pg_version // 10000}, Python {sys.version.split()[0]}")
    if load_seconds is not None:
        print(f"demo city of {tests} tests loaded in {load_seconds:.1f} s")
    port = server.free_port()
    with server.serving(port):
        token = server.bearer_token(port)
        code = quote(samples.FIT, safe="")

        def post(resource: Callable[[str], dict[str, object]]) -> bytes:
            body = text.serialise(resource(f"Patient/{pick(sample.patients)}")).encode()
            return client.http("POST", "/fhir/Observation", token, body)

        def search() -> bytes:
            return client.http(
                "GET",
                f"/fhir/Observation?subject=Patient/{pick(sample.patients)}&code={code}&_sort=-date&_count=20",
                token,
            )

        bundle = client.http("POST", "/fhir", token, samples.transaction())
        runs: list[tuple[str, client.Request, int, Callable[[], int] | None]] = [
            (
                "read by id",
                lambda: client.http("GET", f"/fhir/Observation/{pick(sample.observations)}", token),
                1,
                bare.read(sample, actor, pick),
            ),
            ("one person, one code, newest first", search, 1, bare.search(sample, actor, pick)),
            ("create a measurement", lambda: post(samples.measurement), 1, bare.insert(sample, actor, pick, batch=1)),
            ("create a FIT result", lambda: post(samples.fit_result), 1, None),
            ("transaction of 21, resources", lambda: bundle, 21, bare.insert(sample, actor, pick, batch=21)),
        ]
        print(f"{'':38}{'HTTP/s':>9}{'p50 ms':>9}{'p99 ms':>9}{'SQL/s':>9}{'ratio':>7}")
        for name, request, size, work in runs:
            result = client.run(port, request, seconds=seconds)
            if result.failures:
                raise SystemExit(f"{name}: {result.failures} of {result.requests} requests failed")
            alone = bare.rate(work, seconds=seconds) if work else None
            line = f"{name:38}{result.rate * size:9.0f}{result.p50:9.2f}{result.p99:9.2f}"
            print(line + (f"{alone:9.0f}{result.rate * size / alone:7.2f}" if alone else ""), flush=True)
    _statistics()
    worklist.run()


def _statistics() -> None:
    from django.db import connection

    from screening.statistics import cells

    with connection.cursor() as cursor:
        begin = time.perf_counter()
        cursor.execute("SELECT programme, test, count(*) FROM screening_screeningresult GROUP BY 1, 2")
        cursor.fetchall()
        bare_seconds = time.perf_counter() - begin
    begin = time.perf_counter()
    refreshed = cells.refresh()
    incremental = time.perf_counter() - begin
    begin = time.perf_counter()
    check = cells.rebuild_and_compare()
    full = time.perf_counter() - begin
    print(f"statistics, incremental refresh       {incremental * 1000:9.0f} ms for {refreshed} stale cells")
    print(f"statistics, full rebuild and compare  {full * 1000:9.0f} ms; counting alone {bare_seconds * 1000:.0f} ms")
    print(f"    {check}")


if __name__ == "__main__":
    main()
