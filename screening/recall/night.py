"""What a night must look at again: the people on whom time alone has worked since the last one, and a share of all.

Time works in four ways. A day comes that a standing itself names (``looks_on``); a birthday brings somebody to an age
at which something begins or ends; a deferral ends (its day is in ``looks_on``); a fact that excluded her lapses. All
else that changes a standing is an event, which leaves a note, or concerns everybody at once: the version of the
protocol, the statement itself, who calls whom. That is summed up in ``rules``; when it differs, everybody is counted.

Should one of these be thought out wrongly, the recount by shares finds it: each night the next share of the people is
worked out as on a first night, and whoever stood wrong is put right, counted and listed.
"""

import hashlib
from datetime import date
from typing import Any, Final

from django.db import connection

from screening.models import StandingsNight
from screening.protocol import Protocol
from screening.recall.ages import birthdays
from screening.recall.callers import callers, registered
from screening.recall.evidence import lapsing
from screening.recall.standing import Scope, began, standings_sql

SHARES: Final = 28  # nights until everybody has been counted again
MOST: Final = 50_000  # people; with more it is quicker to count everybody
_ANY_DAY = date(2000, 1, 1)

# How many there are is known well enough without counting them, once the table has been analysed.
_SHARE = """
SELECT patient_id FROM records_citizen WHERE patient_id > %s ORDER BY patient_id OFFSET (
    SELECT CASE WHEN reltuples > 10000 THEN reltuples::bigint ELSE (SELECT count(*) FROM records_citizen) END / %s
    FROM pg_class WHERE oid = 'records_citizen'::regclass
) LIMIT 1
"""
_SEEN = """
UPDATE screening_standingsnight SET latest = greatest(latest, %(on)s),
    rules = CASE WHEN "on" > %(on)s THEN '' ELSE rules END
WHERE latest < %(on)s OR ("on" > %(on)s AND rules <> '')
"""


def rules_of(protocol: Protocol) -> str:
    """What stands for all that concerns everybody at once: it differs as soon as one of these does."""
    statement, params = standings_sql(protocol, _ANY_DAY, nearest=callers())
    said = repr((statement, sorted(params.items()), registered()))
    return hashlib.sha256(said.encode()).hexdigest()


def must_recount(protocol: Protocol, on: date) -> bool:
    """Whether everybody must be counted: never done, the rules are others, or a day after ``on`` was counted."""
    last = StandingsNight.objects.filter(pk=protocol.programme).first()
    return last is None or last.rules != rules_of(protocol) or last.latest > on


def people_of(protocol: Protocol, on: date) -> list[str] | None:
    """On whom time has worked since the last night that was counted; None if there are too many to name."""
    last = StandingsNight.objects.get(pk=protocol.programme)
    params: dict[str, Any] = {"programme": protocol.programme, "after": last.on, "on": on, "most": MOST + 1}
    parts = [
        "SELECT patient_id FROM screening_standing WHERE programme = %(programme)s AND looks_on <= %(on)s",
    ]
    for number, (first, latest) in enumerate(birthdays(protocol, last.on, on)):
        params |= {f"first{number}": first, f"last{number}": latest}
        parts.append(
            f"SELECT patient_id FROM records_citizen WHERE birth_date BETWEEN %(first{number})s AND %(last{number})s"
        )
    if lapsed := lapsing(protocol, last.on, on, params):
        parts.append(lapsed)
    with connection.cursor() as cursor:
        cursor.execute(f"{' UNION '.join(parts)} LIMIT %(most)s", params)
        found = [row[0] for row in cursor.fetchall()]
    return found if len(found) <= MOST else None


def next_share(programme: str) -> Scope:
    """The people whom the recount by shares comes to next; the last share is open, and begins anew after it."""
    after = StandingsNight.objects.values_list("checked", flat=True).get(pk=programme)
    with connection.cursor() as cursor:
        cursor.execute(_SHARE, [after, SHARES])
        row = cursor.fetchone()
    return Scope(after=after, upto=row[0] if row else None)


def note_night(programme: str, on: date, *, rules: str = "") -> None:
    """Everybody's standing in the programme has seen that night; ``rules`` where everybody was counted."""
    if rules:
        made = StandingsNight.objects.filter(pk=programme).update(on=on, latest=on, rules=rules)
        if not made:
            StandingsNight.objects.create(programme=programme, on=on, latest=on, rules=rules)
    else:
        StandingsNight.objects.filter(pk=programme).update(on=on)
        note_day(on)


def note_share(programme: str, share: Scope) -> None:
    """The recount by shares has come so far."""
    StandingsNight.objects.filter(pk=programme).update(checked=share.upto or "")


def note_day(on: date) -> None:
    """Somebody was worked out for that day. Was it before the last night, the next one counts everybody anew."""
    with connection.cursor() as cursor:
        cursor.execute(_SEEN, {"on": on})


def forget_rules() -> None:
    """Have everybody counted by the next run of each programme."""
    StandingsNight.objects.update(rules="")


def has_begun(protocol: Protocol, on: date) -> bool:
    """Before its first day a programme is for nobody."""
    return began(protocol) <= on
