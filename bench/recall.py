"""Call and recall over a million people: ``python -m bench.recall [--people 1000000]``.

In a database of its own below ``var/bench-recall`` (see ``people``). Four nights are timed: the first, on which every
standing is written; two on which little has changed: what a night costs; and one on which everybody is counted anew, as
when a version of a protocol begins, years of invitations behind them.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VAR = ROOT / "var" / "bench-recall"
ON = date(2026, 11, 23)


def main() -> None:
    """Make the people, then time four nights."""
    parser = argparse.ArgumentParser(prog="python -m bench.recall", description=__doc__)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--keep", action="store_true", help="use the people of the last run")
    options = parser.parse_args()
    os.environ.update(
        HEALTHHUB_VAR=os.environ.get("HEALTHHUB_BENCH_VAR", str(VAR)),
        HEALTHHUB_DEMO="1",
        DJANGO_SETTINGS_MODULE="healthhub.settings",
        LOG_LEVEL="ERROR",
    )
    for name in ("DATABASE_URL", "CELERY_BROKER_URL"):
        os.environ.pop(name, None)
    var = Path(os.environ["HEALTHHUB_VAR"])
    if not options.keep:
        shutil.rmtree(var, ignore_errors=True)
        var.mkdir(parents=True)
    subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity", "0"], cwd=ROOT, check=True)
    import django

    django.setup()
    from bench.people import make_people

    if not options.keep:
        begin = time.perf_counter()
        make_people(options.people)
        print(f"{options.people} people made in {time.perf_counter() - begin:.0f} s", flush=True)
    from screening.models import RecallRun
    from screening.recall.night import forget_rules

    last = RecallRun.objects.order_by("-on").first()
    first = last.on + timedelta(days=1) if last else ON
    for number in range(3):
        print(night("next night" if last or number else "first night", first + timedelta(days=number)), flush=True)
    forget_rules()
    print(night("everybody anew", first + timedelta(days=3)), flush=True)


def _database_seconds() -> float | None:
    """The processor's time that our database session has used (Linux): what counts on a machine with other work."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        path = Path(f"/proc/{cursor.fetchone()[0]}/stat")
    if not path.exists():
        return None
    fields = path.read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def night(label: str, on: date) -> str:
    """One night's run, by step."""
    from screening.recall.run import carry_on, start_run

    spent: dict[str, float] = {}
    run = start_run(on)
    last = time.perf_counter()
    begin, busy = last, _database_seconds()
    done: list[str] = []

    def clock() -> bool:
        nonlocal last, done
        run.refresh_from_db()
        now = time.perf_counter()
        for step in run.done[len(done) :]:
            work = step.split()[0]
            spent[work] = spent.get(work, 0.0) + now - last
        done, last = list(run.done), now
        return False

    finished = carry_on(run, stop=clock)
    total = time.perf_counter() - begin
    parts = ", ".join(f"{work} {seconds:.1f}" for work, seconds in sorted(spent.items(), key=lambda item: -item[1]))
    used = _database_seconds()
    processor = f", processor {used - busy:.1f} s" if used is not None and busy is not None else ""
    return f"recall, {label:<16}{total:8.1f} s{processor} ({parts}); {finished.counts}"


if __name__ == "__main__":
    main()
