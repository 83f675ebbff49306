"""What is going on at the demo clinic these days, room by room, as resources and rows."""

from collections.abc import Iterator

from healthhub.accounts.actors import Actor
from healthhub.accounts.models import User
from records.memberships import actor_for_user
from screening.demo import appointments, at_risk, attempts, bench, chains, decisions
from screening.demo.batches import Written, examination_due, observation, observation_id
from screening.demo.calendar import FIRST
from screening.demo.followup import referral
from screening.demo.people import Person, patient
from screening.demo.places import Site
from screening.demo.plan import Options
from screening.demo.present import Recent, citizen_history, citizen_tests
from screening.protocol.shapes import DOUBLE
from screening.results import known_test


def citizens_record(options: Options, citizen: Person, *, clinic: Site, station: Site) -> Iterator[Written]:
    """The demo citizen with her tests and the rest of her record."""
    yield clinic, patient(citizen, site=clinic, since=FIRST)
    for test in citizen_tests(options, citizen, clinic=clinic, station=station):
        yield test.site, observation(test, observation_id(test))
    for resource in citizen_history(options, citizen, clinic=clinic):
        yield clinic, resource


def first(options: Options, *, clinic: Site, recent: list[Recent]) -> Iterator[Written]:
    """People, results and what follows them; sessions; orders and tubes; who is not called."""
    for test, referred in recent:
        name = observation_id(test)
        resource = observation(test, name)
        yield clinic, patient(test.person, site=clinic, since=FIRST)
        yield clinic, resource
        if referred and (what := examination_due(test, resource)):
            yield clinic, referral(test, name, what, asked=test.resulted, centre=clinic)
    for test, chain in chains.chain_tests(options, clinic):
        name = observation_id(test)
        yield clinic, patient(test.person, site=clinic, since=FIRST)
        yield clinic, observation(test, name)
        for resource in chains.chain_acts(options, test, name, chain):
            yield clinic, resource
    for test in bench.waiting_tests(options, clinic=clinic):
        yield clinic, patient(test.person, site=clinic, since=FIRST)
        double = known_test(test.test, test.collected)[1].entry == DOUBLE
        yield clinic, observation(test, observation_id(test)) | ({"status": "preliminary"} if double else {})
    yield from appointments.sessions(options, clinic=clinic)
    yield from bench.tubes(options, clinic=clinic)
    yield from decisions.decisions(options, clinic=clinic)
    yield from at_risk.people_at_risk(options, clinic=clinic)


def then(options: Options, *, clinic: Site, recent: list[Recent]) -> Iterator[Written]:
    """Who comes to the sessions, which must be stored by now."""
    yield from appointments.appointments(options, clinic=clinic, recent=recent)


def staff_work(options: Options, *, clinic: Site, recent: list[Recent], clinician: User, actor: Actor) -> None:
    """What is no resource: the shelf of kits, results of nobody, and who has a late step in hand."""
    bench.strays(options, clinic=clinic, actor=actor)
    staff = actor_for_user(clinician)
    if staff and recent:
        attempts.attempts(options, patient=recent[0].test.person.id, user=clinician.pk, actor=staff)
