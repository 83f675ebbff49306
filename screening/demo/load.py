"""Loads the demo city through the store's bulk path, on several processes: every hook runs as it does for a clinic.

A slice is one transaction, so a load that was broken off is taken up where it stopped. The accounts come last: if they
exist, the load is complete.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.db import connection, transaction

from fhir.models import Resource
from fhir.store import Draft, check, delete, save_many
from healthhub.accounts.actors import system_actor
from screening.demo import bench, rooms
from screening.demo.accounts import create_demo_accounts, demo_accounts_exist
from screening.demo.batches import Written, batches, first_patient
from screening.demo.directory import directory
from screening.demo.nights import last_night
from screening.demo.places import DEMO_CLINIC, Site
from screening.demo.plan import Options, Plan, Slice, make_plan
from screening.demo.present import demo_citizen, made_apart, recent_tests
from screening.demo.processes import share_out
from screening.demo.settling import close_old_work, settle
from screening.statistics import cells

DEMO = system_actor("demo")
FEWEST = 50  # tests: the demo clinic's present work needs some
BATCH = 1000  # resources in one call of the store
SAMPLE = 20  # of each type that is written together

Progress = Callable[[int, int], None]


class Refused(Exception):
    """Why nothing was loaded; the text is a sentence for whoever typed the command."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load wrote."""

    resources: int
    tests: int


def load(options: Options, *, processes: int = 2, progress: Progress = lambda done, total: None) -> Loaded | None:
    """Load the city; None if it is there already. `progress` hears how many of all tests are written.

    With one process everything happens on this one's connection. Raises `Refused`, `places.UnknownDistricts`.
    """
    if options.tests < FEWEST:
        raise Refused(f"The demo city needs at least {FEWEST} tests.")
    if demo_accounts_exist():
        return None
    plan = make_plan(options, apart=made_apart(options.tests))
    resources = _load_directory(plan)
    tests = 0
    for part, count in share_out(load_slice, plan.slices, processes=processes):
        resources += count
        tests += part.tests
        progress(tests, options.tests)
    resources += _load_present(plan)
    progress(options.tests, options.tests)
    cells.rebuild()
    if not connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute("VACUUM (ANALYZE)")
    last_night(options.today, clinic=_clinic(plan))
    return Loaded(resources, options.tests)


def load_slice(part: Slice) -> int:
    """Write one slice, or nothing if an earlier load has; the number of resources."""
    if Resource.objects.filter(type="Patient", id=first_patient(part)).exists():
        return 0
    made = batches(part)
    with transaction.atomic():
        count = _write(made.first) + _write(made.then)
        for name in made.withdrawn:
            delete(type="Observation", id=name, actor=DEMO)
        if part.site.code != DEMO_CLINIC:  # whose worklist is looked at; see `close_old_work`
            people = [resource["id"] for _, resource in made.first if resource["resourceType"] == "Patient"]
            settle(people, seed=f"{part.seed}:{part.site.code}:{part.part}", actor=DEMO)
    return count


def _load_directory(plan: Plan) -> int:
    label = f"Simulated data, about no real person ({plan.options.label})"
    clinic = Resource.objects.filter(type="Organization", id=f"demo-{DEMO_CLINIC}").first()
    if clinic is None:
        return _write(directory(plan.sites, seed=plan.options.seed, label=label))
    if label not in clinic.content:
        raise Refused(
            "A load with other options was broken off here. Take it up with the same --tests, --seed and --districts, "
            "or start from an empty database."
        )
    return 0


def _load_present(plan: Plan) -> int:
    """The demo clinic's work of these days, the demo citizen and, in the same transaction, the accounts."""
    options = plan.options
    clinic = _clinic(plan)
    citizen = demo_citizen(options, clinic=clinic)
    station = next(site for site in plan.sites if site.kind == "station" and site.commune == citizen.commune)
    recent = recent_tests(options, clinic=clinic)
    ward = recent[-1].test.person if recent else citizen
    with transaction.atomic():
        count = _write(rooms.citizens_record(options, citizen, clinic=clinic, station=station))
        bench.stock(options, clinic=clinic, actor=DEMO)
        count += _write(rooms.first(options, clinic=clinic, recent=recent))
        count += _write(rooms.then(options, clinic=clinic, recent=recent))
        close_old_work(clinic, actor=DEMO)
        clinician = create_demo_accounts(clinic=clinic, station=station, citizen=citizen, ward=ward)
        rooms.staff_work(options, clinic=clinic, recent=recent, clinician=clinician, actor=DEMO)
    return count


def _clinic(plan: Plan) -> Site:
    return next(site for site in plan.sites if site.code == DEMO_CLINIC)


def _write(written: Iterable[Written]) -> int:
    """All at once. A few of each type are validated here: they are made by one builder, and a test validates all."""
    drafts = [Draft.of(resource, facility=site.id) for site, resource in written]
    seen: Counter[str] = Counter()
    sample = []
    for draft in drafts:
        seen[draft.type] += 1
        if seen[draft.type] <= SAMPLE:
            sample.append(draft)
    if issues := [str(issue) for issue in check(sample) if issue.severity in ("error", "fatal")]:
        raise Refused(f"The demo city would not be valid FHIR: {'; '.join(issues)}")
    for start in range(0, len(drafts), BATCH):
        save_many(drafts[start : start + BATCH], actor=DEMO, checked=True)
    return len(drafts)
