"""What a health worker takes along: today's people and the forms of their tests, for her device to encrypt."""

from datetime import date, timedelta
from decimal import Decimal
from itertools import chain
from typing import Any, Final

from django.utils import timezone

from healthhub.accounts.actors import Actor
from healthhub.audit.log import record_access
from records.access import visible_to
from records.identity import identity
from records.models import Citizen, Facility
from screening.citizen import here
from screening.episodes import open_rounds
from screening.models import Appointment, Standing
from screening.models.appointments import EXPECTED
from screening.places import as_held
from screening.protocol import Test, eligible, programmes, protocol_for

MOST: Final = 500  # people on one list
SOON_DAYS: Final = 7  # ahead, for steps that come due
KEPT_HOURS: Final = 24  # after that the device forgets the list; results not yet sent stay


def pack_list(*, facility: Facility, actor: Actor, on: date, reason: str) -> dict[str, Any]:
    """The list as JSON: ``people`` (identity, what is due), ``tests`` (the fields of each form), until when it holds.

    The access log names everybody on it. At most MOST people, those who wait longest first; ``more`` says if others
    were left out.
    """
    people, more = _people(facility, actor, on)
    due = _due([person.pk for person in people])
    record_access(
        actor=actor,
        action="export",
        patients=[person.pk for person in people],
        resource_type="Patient",
        reason=reason,
    )
    now = timezone.localtime()
    return {
        "facility": facility.name,
        "facilityId": facility.pk,
        "user": actor.name,
        "userId": actor.id,
        "takenAt": now.isoformat(),
        "expiresAt": (now + timedelta(hours=KEPT_HOURS)).isoformat(),
        "more": more,
        "people": [_person(person, due[person.pk], on) for person in people],
        "tests": _tests(on),
    }


def _people(facility: Facility, actor: Actor, on: date) -> tuple[list[Citizen], bool]:
    """Who is expected here today, then whose step is due, then who is due for screening; each once."""
    expected = Appointment.objects.filter(facility=facility, day=on, status__in=EXPECTED).order_by("starts_at")
    waiting = open_rounds(facility.pk).filter(first_due_on__lte=on + timedelta(days=SOON_DAYS))
    due = Standing.objects.filter(facility=facility, status__in=("overdue", "due")).order_by("due_on", "patient_id")
    asked = (found.values_list("patient_id", flat=True)[: MOST + 1] for found in (expected, waiting, due))
    wanted = list(dict.fromkeys(chain.from_iterable(asked)))
    seen = {person.pk: person for person in visible_to(actor).filter(pk__in=wanted, deceased=False)}
    found = [seen[name] for name in wanted if name in seen]
    return found[:MOST], len(found) > MOST


def _person(citizen: Citizen, due: list[dict[str, str]], on: date) -> dict[str, Any]:
    who = identity(citizen, on=on, with_area=False)
    return {
        "id": who.id,
        "name": who.name,
        "birth": who.birth,
        "age": who.age,
        "sex": str(who.sex),
        "tail": who.id_tail,
        "warnings": [str(text) for text in who.warnings],
        "due": due,
        "tests": [
            test
            for key in programmes()
            if (answer := eligible(citizen, on, protocol_for(key, on))).reason != "sex"
            for test in (answer.band.tests if answer.band else protocol_for(key, on).tests)
            if not protocol_for(key, on).tests[test].part_of
        ],
    }


def _due(patients: list[str]) -> dict[str, list[dict[str, str]]]:
    """What each person is waited for: open steps, and programmes that are due."""
    lines: dict[str, list[dict[str, str]]] = {patient: [] for patient in patients}
    for episode in as_held(open_rounds(None).filter(patient__in=patients)):
        step = protocol_for(episode.programme, episode.opened_on).steps[episode.step]
        lines[episode.patient_id].append(_line(here(step.name), episode.due_on))
    for standing in Standing.objects.filter(patient__in=patients, status__in=("overdue", "due")).order_by("due_on"):
        name = here(protocol_for(standing.programme, date.max).name)
        lines[standing.patient_id].append(_line(name, standing.due_on))
    return lines


def _line(step: str, due_on: date | None) -> dict[str, str]:
    return {"step": step, "on": f"{due_on:%d/%m/%Y}" if due_on else ""}


def _tests(on: date) -> dict[str, Any]:
    return {
        key: {**_form(test), "programme": here(protocol.name)}
        for protocol in (protocol_for(programme, on) for programme in programmes())
        for key, test in protocol.tests.items()
        if not test.part_of
    }


def _form(test: Test) -> dict[str, Any]:
    return {
        "name": here(test.name),
        "units": [
            {"unit": unit.unit, "label": unit.display, "cutoff": _number(unit.default_cutoff)}
            for unit in test.units.values()
        ],
        "kits": [
            {"name": kit.name, "cutoff": _number(kit.cutoff), "unit": kit.cutoff_unit}
            for kit in (test.kits if test.units else ())
        ],
        "categories": [
            {"key": key, "label": here(category.label), "outcome": category.outcome}
            for key, category in test.categories.items()
        ],
        "above": test.at_or_above,
        "below": test.below,
    }


def _number(value: Decimal | None) -> str:
    """A number as JavaScript reads it, "" for None."""
    return "" if value is None else f"{value.normalize():f}"
