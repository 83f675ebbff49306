"""Some who are not called: one for now, one of her own will, and one whose case must be looked at again these days."""

from collections.abc import Iterator
from typing import Any

from healthhub.accounts.actors import Actor, Role
from screening.demo.calendar import FIRST
from screening.demo.cast import days_ago, moment, resident
from screening.demo.people import Person, patient
from screening.demo.places import Site
from screening.demo.plan import Options
from screening.demo.tags import META
from screening.models import DecisionKind
from screening.recall.decisions import build_decision

# (person, kind, reason, made so many days ago, ends or is looked at again in so many days, what it rests on)
_DECISIONS = (
    (301, DecisionKind.DEFER, "ill", 20, 40, "Đang điều trị viêm phổi."),
    (302, DecisionKind.CEASE, "under-care", 734, -4, "Giấy ra viện: đang theo dõi viêm loét đại tràng."),
    (303, DecisionKind.OPT_OUT, "not-wanted", 75, None, ""),
)


def decisions(options: Options, *, clinic: Site) -> Iterator[tuple[Site, dict[str, Any]]]:
    """The people and what was decided about them in colorectal screening."""
    staff = Actor("system:demo", clinic.name, Role.CLINICIAN, facility=clinic.id)
    for number, kind, reason, made, ends, note in _DECISIONS:
        person: Person = resident(options, clinic, number)
        yield clinic, patient(person, site=clinic, since=FIRST)
        resource = build_decision(
            kind,
            person.id,
            "colorectal",
            reason,
            note=note,
            ends_on=None if ends is None else days_ago(options, -ends),
            now=moment(options, made),
            actor=staff,
        )
        yield clinic, resource | {"id": f"{person.id}-decision", "meta": META}
