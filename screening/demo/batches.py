"""A simulated slice as resources, each with the facility that wrote it, in the order in which they came about."""

from dataclasses import dataclass, field
from datetime import date
from random import Random
from typing import Any

from records.models import Facility
from screening.demo.calendar import FIRST
from screening.demo.followup import Due, due, follow_up
from screening.demo.history import history
from screening.demo.people import patient
from screening.demo.places import Site
from screening.demo.plan import Slice
from screening.demo.sampling import Sample, Taken, draw
from screening.demo.tags import META
from screening.results import build_result, interpret_result

Written = tuple[Site, dict[str, Any]]
_WITH_HISTORY = 0.02  # of people: those of whose record more than the screening is known here


@dataclass(slots=True)
class Batches:
    """What is written first, what afterwards (corrections and what followed them), and which results are taken back."""

    first: list[Written] = field(default_factory=list)
    then: list[Written] = field(default_factory=list)
    withdrawn: list[str] = field(default_factory=list)


def batches(part: Slice) -> Batches:
    """The slice's resources. No two slices share an id."""
    sample = draw(part)
    rng = Random(f"{part.seed}:{part.site.code}:{part.part}:afterwards")
    found = Batches()
    known = _first_days(sample)
    for person in sample.people:
        found.first.append((part.site, patient(person, site=part.site, since=known[person.id])))
        if rng.random() < _WITH_HISTORY:
            rest = history(person, site=part.site, on=known[person.id], rng=rng)
            found.first += [(part.site, resource) for resource in rest]
    for test in sample.tests:
        name = observation_id(test)
        resource = observation(test, name)
        what = None if test.withdrawn else examination_due(test, resource)
        followed: list[Written] = list(follow_up(test, name, what, centre=part.centre, rng=rng)) if what else []
        if test.withdrawn:
            found.withdrawn.append(name)
        if test.mistaken is None:
            found.first += [(part.site, resource), *followed]
        else:
            wrong = _build(test, value=test.mistaken, name=name)
            found.first.append((part.site, wrong))
            found.then += [(part.site, _build(test, value=test.value, name=name, previous=wrong)), *followed]
    return found


def first_patient(part: Slice) -> str:
    """The id of the slice's first Patient: it is stored if and only if the whole slice is."""
    return f"demo{part.seed}-{part.site.code}-p{part.first_here + 1:05d}"


def observation_id(test: Taken) -> str:
    """The id of the test's Observation, made from the person, the test and the specimen."""
    return f"{test.person.id}-{test.test}-{test.specimen.split('-')[1]}"


def observation(test: Taken, name: str) -> dict[str, Any]:
    """The test as the form or the file import would write it; its category comes from the protocol."""
    return _build(test, value=test.value, name=name)


def examination_due(test: Taken, resource: dict[str, Any]) -> Due | None:
    """The examination that the result calls for."""
    if resource["interpretation"][0]["coding"][0]["code"] != "POS":
        return None
    read = interpret_result(test=test.test, value=test.value, unit=test.unit, kit=test.kit, collected_on=test.collected)
    return due(test, read.category)


def _build(test: Taken, *, value: Any, name: str, previous: dict[str, Any] | None = None) -> dict[str, Any]:
    resource = build_result(
        patient_id=test.person.id,
        facility=Facility(organization_id=test.site.id, code=test.site.code),
        test=test.test,
        value=value,
        unit=test.unit,
        kit=test.kit,
        collected_on=test.collected,
        resulted_on=test.resulted,
        specimen_id=test.specimen,
        previous=previous,
    )
    return {"resourceType": resource.pop("resourceType"), "id": name, "meta": META, **resource}


def _first_days(sample: Sample) -> dict[str, date]:
    """When each person was first seen."""
    days: dict[str, date] = {person.id: FIRST for person in sample.people}
    counted = [test for test in sample.tests if not test.withdrawn]
    for test in sorted(counted, key=lambda test: test.collected, reverse=True):
        days[test.person.id] = test.collected
    return days
