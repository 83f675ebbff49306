"""A run on paper: what a version of a protocol would change for everybody, by area, with nothing written.

The standings of the whole city are worked out twice by the statement of the nightly run, by the version in force and by
the new one, into temporary tables that go with each chunk's transaction, and compared there.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from django.db import connection, transaction

from records.models import Area
from screening.protocol import Protocol, programmes, protocol_for
from screening.recall.standing import Scope, compute_standings, make_table

CHUNK: Final = 100_000
#: What is counted, in the order of a report. ``moved`` = earlier + later + those who gain or lose a date.
COUNTS: Final = ("before", "after", "enters", "leaves", "moved", "earlier", "later", "becomes_due", "no_longer_due")
_BOUNDS = """
SELECT patient_id FROM (SELECT patient_id, row_number() OVER (ORDER BY patient_id) AS place FROM records_citizen) AS p
WHERE place %% %s = 0 ORDER BY patient_id
"""
_COMPARE = """
SELECT coalesce(n.area_id, o.area_id), count(o.patient_id), count(n.patient_id),
    count(*) FILTER (WHERE o.patient_id IS NULL),
    count(*) FILTER (WHERE n.patient_id IS NULL),
    count(*) FILTER (WHERE both_there AND n.due_on IS DISTINCT FROM o.due_on),
    count(*) FILTER (WHERE both_there AND n.due_on < o.due_on),
    count(*) FILTER (WHERE both_there AND n.due_on > o.due_on),
    count(*) FILTER (WHERE due_after AND NOT due_before),
    count(*) FILTER (WHERE due_before AND NOT due_after)
FROM paper_before o FULL JOIN paper_after n ON n.patient_id = o.patient_id
CROSS JOIN LATERAL (SELECT o.patient_id IS NOT NULL AND n.patient_id IS NOT NULL AS both_there,
    coalesce(o.status IN ('due', 'overdue'), false) AS due_before,
    coalesce(n.status IN ('due', 'overdue'), false) AS due_after) AS known
GROUP BY 1
"""


@dataclass(slots=True)
class Paper:
    """The result: counts of people by ``COUNTS``, in all and by area id (None: no area known).

    ``against`` is the version that would be in force otherwise; "" for a new programme.
    """

    programme: str
    version: str
    against: str
    on: date
    total: Counter[str] = field(default_factory=Counter)
    areas: dict[int | None, Counter[str]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """For storage and for ``--json``; only areas in which somebody is affected or counted."""
        return {
            "programme": self.programme,
            "version": self.version,
            "against": self.against,
            "on": self.on.isoformat(),
            "total": {name: self.total[name] for name in COUNTS},
            "areas": [
                {"area": area} | {name: counts[name] for name in COUNTS}
                for area, counts in sorted(self.areas.items(), key=lambda item: item[0] or 0)
            ],
        }


def in_force(programme: str, on: date) -> Protocol | None:
    """The version by which people are called on that day; None for a programme that there is not yet."""
    return protocol_for(programme, on) if programme in programmes() else None


def run_on_paper(
    protocol: Protocol, on: date, *, chunk: int = CHUNK, progress: Callable[[int], None] = lambda percent: None
) -> Paper:
    """Compare the standings on that day by this version with those by the version in force then.

    ``progress`` hears how much is done, 0 to 100, between two chunks of people, outside of any transaction of ours.
    """
    before = in_force(protocol.programme, on)
    found = Paper(protocol.programme, protocol.version, before.version if before else "", on)
    with connection.cursor() as cursor:
        cursor.execute(_BOUNDS, [chunk])
        bounds = [row[0] for row in cursor.fetchall()]
    for number in range(len(bounds) + 1):
        scope = Scope(after=bounds[number - 1] if number else "", upto=bounds[number] if number < len(bounds) else None)
        for row in _chunk(protocol, before, on, scope):
            counts = dict(zip(COUNTS, row[1:], strict=True))
            found.areas.setdefault(row[0], Counter()).update(counts)
            found.total.update(counts)
        progress((number + 1) * 100 // (len(bounds) + 1))
    return found


def _chunk(protocol: Protocol, before: Protocol | None, on: date, scope: Scope) -> list[tuple[Any, ...]]:
    with transaction.atomic():
        for name, version in (("paper_before", before), ("paper_after", protocol)):
            make_table(name)
            if version is not None:
                compute_standings(version, on, into=name, scope=scope)
        with connection.cursor() as cursor:
            cursor.execute(_COMPARE)
            return cursor.fetchall()


def area_names(areas: list[int | None]) -> dict[int | None, tuple[str, str]]:
    """Area id -> (unit, its district), for a report; both empty for None and for units that are gone."""
    found = Area.objects.filter(pk__in=[area for area in areas if area]).select_related("parent")
    names: dict[int | None, tuple[str, str]] = {
        area.pk: (area.name, area.parent.name if area.parent else "") for area in found
    }
    return {area: names.get(area, ("", "")) for area in areas}
