"""Call and recall over a million people: ``python -m bench.recall [--people 1000000]``.

The people are made by SQL (a Patient in the store and its row of Citizen), with rounds behind half of those in the age,
and 500 stations, in a database of its own below ``var/bench-recall``. Then three nights are timed: the first, on
which every standing is written, and two on which little has changed: what a night costs.
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

_PATIENTS = """
INSERT INTO fhir_resource (type, id, version, last_updated, deleted, patient, facility, author, tokens, content)
SELECT 'Patient', 'bench-' || n, 1, now(), false, 'bench-' || n, NULL, 'system:bench', '{{}}',
    json_build_object('resourceType', 'Patient', 'id', 'bench-' || n, 'gender',
        CASE WHEN n %% 2 = 0 THEN 'female' ELSE 'male' END,
        'birthDate', (date '1937-01-01' + (n::bigint * 7919 %% 30000)::int)::text,
        'name', json_build_array(json_build_object('text', 'Người thứ ' || n)),
        'telecom', json_build_array(json_build_object('system', 'phone', 'value', '0912345678')),
        'address', json_build_array(json_build_object('use', 'home', 'text', 'Hà Nội')))::text
FROM generate_series(1, %s) AS n
"""
_STATIONS = """
INSERT INTO records_facility (organization_id, code, name, kind, area_id, active)
SELECT 'bench-station-' || n, 'B' || lpad(n::text, 4, '0'), 'Trạm ' || n, '',
    (SELECT array_agg(id ORDER BY id) FROM records_area WHERE kind = 'commune')[1 + n], true
FROM generate_series(0, 499) AS n
"""
_CITIZENS = """
INSERT INTO records_citizen (patient_id, full_name, folded_name, sort_key, family, given, birth_date, birth_precision,
    sex, cccd, insurance_number, phone, address_text, area_id, facility_id, deceased, active, warnings)
SELECT 'bench-' || n, 'Người thứ ' || n, 'nguoi thu', 'nguoi', '', '',
    date '1937-01-01' + (n::bigint * 7919 %% 30000)::int, 'day',
    CASE WHEN n %% 2 = 0 THEN 'female' ELSE 'male' END, '', '', '0912345678', 'Hà Nội',
    (SELECT array_agg(id ORDER BY id) FROM records_area WHERE kind = 'commune')[1 + n %% 500], NULL, false, true, '[]'
FROM generate_series(1, %s) AS n
"""
_EPISODES = """
INSERT INTO screening_episode (id, patient_id, programme, protocol_version, opened_on, state, step, category, due_on,
    due_from, due_rule, owner, closed_on, outcome, detail, needs)
SELECT gen_random_uuid(), c.patient_id, 'colorectal', '2017.1', day, 'closed', '', 'negative',
    (day + interval '12 months')::date, day, 'category:fit.negative', 'department', day, 'negative', '', '[]'
FROM (SELECT patient_id, date '2025-01-01' + (hashtext(patient_id) & 511) AS day FROM records_citizen
    WHERE birth_date < '1986-01-01' AND hashtext(patient_id) & 1024 = 0) AS c
"""


def main() -> None:
    """Make the people, then time two nights."""
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
    if not options.keep:
        _make(options.people)
    from screening.models import RecallRun

    last = RecallRun.objects.order_by("-on").first()
    first = last.on + timedelta(days=1) if last else ON
    for number in range(3):
        print(night("next night" if last or number else "first night", first + timedelta(days=number)), flush=True)


def _make(people: int) -> None:
    from django.db import connection

    begin = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE screening_standing, screening_recallrun, screening_invitation, screening_message")
        cursor.execute(_PATIENTS.replace("{{}}", "{}"), [people])
        cursor.execute(_STATIONS)
        cursor.execute(_CITIZENS, [people])
        cursor.execute(_EPISODES)
        for table in ("fhir_resource", "records_citizen", "screening_episode"):
            cursor.execute(f"VACUUM ANALYZE {table}")
    print(f"{people} people made in {time.perf_counter() - begin:.0f} s", flush=True)


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
