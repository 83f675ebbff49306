"""What the record shows of people that takes them into a programme or out of it, for whoever must explain it.

The same evidence as that of the standings (``recall.evidence``), with the key of the protocol's risk group or
exclusion, the day that it counts from and the resource that says so. One statement, however many people.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, Final, NamedTuple

from django.db import connection

from records.models import Citizen
from screening.protocol import Eligibility, Protocol, eligible
from screening.protocol.events import add_months
from screening.recall.evidence import TYPES, at_risk, carrying

EXCLUSION: Final = "exclusion"
RISK: Final = "risk"
_NOTHING = (
    "SELECT NULL::text AS patient, NULL AS programme, NULL AS kind, NULL AS key, NULL::date AS since, NULL AS source "
    "WHERE false"
)
_FACT = """
SELECT DISTINCT ON (found.patient) found.patient, %({programme})s AS programme, '{kind}' AS kind, %({key})s AS key,
    found.since, found.source FROM ({sql}) AS found ORDER BY found.patient, found.since {order}, found.source
"""


class Fact(NamedTuple):
    """A recorded fact: since when, and which resource (``Condition/…``) says so.

    Where there are several of one key it is the newest that excludes, and the oldest that puts at risk.
    """

    kind: str
    key: str
    since: date
    source: str


class Stand(NamedTuple):
    """Whether a programme is for somebody, with the facts that it rests on: those in force on the day."""

    answer: Eligibility
    risks: tuple[Fact, ...]
    exclusions: tuple[Fact, ...]


def facts_sql(protocols: Iterable[Protocol], on: date, params: dict[str, Any], *, scope: str) -> str:
    """SELECT patient, programme, kind, key, since, source; ``scope`` narrows ``r.patient``. Fills ``params``."""
    parts = []
    for protocol in {(one.programme, one.version): one for one in protocols}.values():
        for item in protocol.exclusions:
            if item.codings:
                sql = carrying(TYPES, item.codings, params, scope=scope)
                parts.append(_fact(protocol.programme, EXCLUSION, item.key, sql, params))
        for group in protocol.risk_groups:
            sql = at_risk(group, on, params, scope=scope)
            parts.append(_fact(protocol.programme, RISK, group.key, sql, params))
    return " UNION ALL ".join(f"({part})" for part in parts) or _NOTHING


def facts_of(patient: str, protocols: Sequence[Protocol], on: date) -> dict[str, list[Fact]]:
    """Programme -> the facts about one person."""
    params: dict[str, Any] = {"patients": [patient]}
    sql = facts_sql(protocols, on, params, scope="AND r.patient = ANY(%(patients)s)")
    found: dict[str, list[Fact]] = {one.programme: [] for one in protocols}
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT programme, kind, key, since, source FROM ({sql}) AS fact ORDER BY 1, 2, 3, 4", params)
        for programme, *fact in cursor.fetchall():
            found[programme].append(Fact(*fact))
    return found


def stand(citizen: Citizen, on: date, protocol: Protocol, facts: Iterable[Fact]) -> Stand:
    """Whether the programme is for this person on that day, by what her record shows."""
    known = sorted(facts, key=lambda fact: fact.since)
    newest = {fact.key: fact for fact in known if fact.kind == EXCLUSION}
    oldest = {fact.key: fact for fact in reversed(known) if fact.kind == RISK}
    months = {item.key: item.review_months for item in protocol.exclusions}
    out = tuple(fact for key, fact in newest.items() if key in months and _holds(fact.since, months[key], on))
    risks = tuple(oldest[group.key] for group in protocol.risk_groups if group.key in oldest)
    answer = eligible(
        citizen,
        on,
        protocol,
        lives_here=citizen.area_id is not None,
        risks=set(oldest),
        exclusions={fact.key for fact in out},
    )
    return Stand(answer, risks, out)


def _holds(since: date, review_months: int | None, on: date) -> bool:
    return review_months is None or add_months(since, review_months) > on


def _fact(programme: str, kind: str, key: str, sql: str, params: dict[str, Any]) -> str:
    names = []
    for value in (programme, key):
        names.append(f"p{len(params)}")
        params[names[-1]] = value
    order = "DESC" if kind == EXCLUSION else "ASC"
    return _FACT.format(programme=names[0], kind=kind, key=names[1], sql=sql, order=order)
