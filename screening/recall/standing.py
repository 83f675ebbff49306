"""Who a programme is for on a day and where each of them stands: one SQL statement over any number of people.

It takes the protocol as a value, so the nightly run, the refresh of one person and the dry run of a version that is not
in force yet are the same statement. ``due_on`` is counted anew from ``due_from`` by the given version's months.

Precedence: ceased, deferred, screened, unreachable, overdue, due. Screened is whoever is in an open round (what is open
there is the failsafe's) or whose next date has not come. Surveillance is an open round whose step lies far ahead: until
then she is screened, from then on due, so that nobody under surveillance is lost. An open round keeps its person's
standing until it is closed, though she has come to an age at which the programme begins nothing new.

``looks_on`` says when time alone changes a row. What else time does to people is asked by ``recall.night``: whoever
reads a day here in a new way must say it there, or the recount by shares will find the rows wrong.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from django.db import connection

from screening.messages.reach import unreachable_sql
from screening.protocol import Protocol, protocols
from screening.recall.ages import age_runs, born_between, reaches_sql, risk_ages
from screening.recall.callers import callers
from screening.recall.evidence import at_risk, excluded
from screening.recall.rules import rule_months

COLUMNS = (
    "patient_id, programme, area_id, facility_id, status, due_on, due_rule, due_from, protocol_version, inputs, "
    "looks_on, since"
)
NOBODY = "SELECT NULL::text AS patient WHERE false"
SURVEILLANCE = "surveillance_due"


class Scope(NamedTuple):
    """Whose standings: everybody's, those of these ``patients``, or of the ids in (after, upto]."""

    patients: Sequence[str] | None = None
    after: str = ""
    upto: str | None = None

    def sql(self, column: str) -> str:
        """An AND condition on a column that holds the person's id; its parameters are ``params``."""
        if self.patients is not None:
            return f"AND {column} = ANY(%(patients)s)"
        parts = [f"AND {column} > %(after)s"] if self.after else []
        parts += [f"AND {column} <= %(upto)s"] if self.upto is not None else []
        return " ".join(parts)

    @property
    def params(self) -> dict[str, Any]:
        """For ``sql``."""
        patients = list(self.patients) if self.patients is not None else None
        return {"patients": patients, "after": self.after, "upto": self.upto}


EVERYBODY = Scope()


def make_table(name: str) -> None:
    """A temporary table that ``compute_standings`` can write into; it goes with the transaction."""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS pg_temp.{name}")
        cursor.execute(
            f"CREATE TEMPORARY TABLE {name} ON COMMIT DROP AS SELECT {COLUMNS} FROM screening_standing WITH NO DATA"
        )


def compute_standings(protocol: Protocol, on: date, *, into: str, scope: Scope = EVERYBODY) -> int:
    """Write the standings by this version on that day into a table that has ``COLUMNS``; answers how many.

    ``into`` is a name from code, never from a user.
    """
    sql, params = standings_sql(protocol, on, scope=scope, nearest=callers())
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {into} ({COLUMNS}) {sql}", params)
        return cursor.rowcount


def standings_sql(
    protocol: Protocol, on: date, *, scope: Scope = EVERYBODY, nearest: Sequence[tuple[int, str]] = ()
) -> tuple[str, dict[str, Any]]:
    """A SELECT of ``COLUMNS`` and its parameters. ``nearest`` is what ``callers`` says of who calls whom."""
    rules = sorted(rule_months(protocol).items())
    ahead = [step for _, step in sorted(protocol.steps.items()) if step.state == SURVEILLANCE]
    params: dict[str, Any] = {
        **scope.params,
        "on": on,
        "programme": protocol.programme,
        "version": protocol.version,
        "sexes": list(protocol.sexes),
        "began": began(protocol),
        "overdue_after": protocol.call.overdue_after_days if protocol.call else None,
        "rules": [rule for rule, _ in rules],
        "months": [months for _, months in rules],
        "steps": [f"step:{step.key}" for step in ahead],
        "step_months": [step.within.months for step in ahead],
        "step_days": [step.within.days for step in ahead],
        "areas": [area for area, _ in nearest],
        "facilities": [facility for _, facility in nearest],
    }
    ages = _ages(protocol, on, params)
    risky = _risky(protocol, on, params, scope)
    sql = _STANDINGS.format(
        excluded=excluded(protocol, on, params, scope=scope.sql("r.patient")) or NOBODY,
        risky=risky,
        ages=ages,
        scope=scope.sql("c.patient_id"),
        open_rounds=scope.sql("o.patient_id"),
        decisions=scope.sql("d.patient_id"),
        living="AND c.area_id IS NOT NULL" if protocol.residence == "city" else "",
        reaches=reaches_sql("p.birth_date", "p.first_age", protocol.age_counted),
        unreachable=unreachable_sql("p"),
    )
    return sql, params


def began(protocol: Protocol) -> date:
    """The first day of the programme: that of its first version."""
    known = [one.valid_from for one in protocols() if one.programme == protocol.programme]
    return min([*known, protocol.valid_from])


def _ages(protocol: Protocol, on: date, params: dict[str, Any]) -> str:
    """An expression over ``c``: the first age of the run of bands that a person is in; NULL outside of all."""
    if protocol.requires_risk_group:
        return "NULL::int"
    cases = []
    for number, (low, high) in enumerate(age_runs(protocol)):
        first, last = born_between(on, low, high, protocol.age_counted)
        params |= {f"first{number}": first, f"last{number}": last}
        cases.append(f"WHEN c.birth_date BETWEEN %(first{number})s AND %(last{number})s THEN {int(low)}")
    return f"CASE {' '.join(cases)} END"


def _risky(protocol: Protocol, on: date, params: dict[str, Any], scope: Scope) -> str:
    """SELECT patient, key, since, first_age, months of each person at risk and of the group's age; the shortest
    interval first where there are several."""
    groups = []
    for number, (group, (low, high)) in enumerate(zip(protocol.risk_groups, risk_ages(protocol), strict=True)):
        known = at_risk(group, on, params, scope=scope.sql("r.patient"))
        first, last = born_between(on, low, high, protocol.age_counted)
        params |= {
            f"key{number}": group.key,
            f"young{number}": last,
            f"old{number}": first,
            f"every{number}": group.interval_months,
        }
        groups.append(
            f"SELECT found.patient, %(key{number})s AS key, found.since, {int(low)} AS first_age, "
            f"%(every{number})s::int AS months, {number} AS place FROM ({known}) AS found "
            f"JOIN records_citizen c ON c.patient_id = found.patient "
            f"AND c.birth_date BETWEEN %(old{number})s AND %(young{number})s"
        )
    if not groups:
        return (
            "SELECT NULL::text AS patient, NULL::text AS key, NULL::date AS since, NULL::int AS first_age, "
            "NULL::int AS months WHERE false"
        )
    return (
        f"SELECT DISTINCT ON (patient) patient, key, since, first_age, months FROM ({' UNION ALL '.join(groups)}) AS g "
        "ORDER BY patient, months NULLS LAST, place, since NULLS LAST"
    )


# Each OFFSET 0 keeps PostgreSQL from writing the expressions of one step out into the next: it did, and reckoned the
# same dates and the same reachability many times for each person (a night over everybody took half as long again).
_STANDINGS = (
    """
WITH callers AS MATERIALIZED (
    SELECT * FROM unnest(%(areas)s::bigint[], %(facilities)s::text[]) AS near(area_id, organization_id)
), rules AS MATERIALIZED (
    SELECT * FROM unnest(%(rules)s::text[], %(months)s::int[]) AS r(rule, months)
), steps AS MATERIALIZED (
    SELECT * FROM unnest(%(steps)s::text[], %(step_months)s::int[], %(step_days)s::int[]) AS t(rule, months, days)
), open_rounds AS MATERIALIZED (
    SELECT DISTINCT o.patient_id FROM screening_episode o
    WHERE o.programme = %(programme)s AND o.state <> 'closed' {open_rounds}
), decided AS MATERIALIZED (
    SELECT d.patient_id,
        (array_agg(d.request_id ORDER BY d.made_on DESC, d.request_id DESC)
            FILTER (WHERE d.kind IN ('cease', 'opt_out')))[1] AS ceased,
        (array_agg(d.request_id ORDER BY d.until DESC, d.request_id DESC)
            FILTER (WHERE d.kind = 'defer' AND d.until > %(on)s))[1] AS deferred,
        max(d.until) FILTER (WHERE d.kind = 'defer' AND d.until > %(on)s) AS deferred_until,
        max(d.until) FILTER (WHERE d.kind = 'defer' AND d.until <= %(on)s) AS deferral_ended
    FROM screening_decision d WHERE d.programme = %(programme)s AND NOT d.undone {decisions}
    GROUP BY d.patient_id
), excluded AS MATERIALIZED ({excluded}), risky AS MATERIALIZED ({risky}), people AS (
    SELECT c.patient_id, c.area_id, c.facility_id, c.birth_date, c.phone, c.address_text,
        coalesce(risky.key, '') AS risk, risky.since AS risk_since, risky.months AS risk_months,
        least({ages}, risky.first_age) AS first_age
    FROM records_citizen c LEFT JOIN risky ON risky.patient = c.patient_id
        LEFT JOIN open_rounds ON open_rounds.patient_id = c.patient_id
    WHERE c.active AND NOT c.deceased AND coalesce(nullif(c.sex, ''), 'unknown') = ANY(%(sexes)s)
        AND (coalesce({ages}, risky.first_age) IS NOT NULL OR open_rounds.patient_id IS NOT NULL)
        {living} {scope}
        AND NOT EXISTS (SELECT FROM excluded WHERE excluded.patient = c.patient_id)
), dated AS (
    SELECT p.*, e.id AS episode, e.closed_on, e.state, e.step, e.detail,
        CASE WHEN e.id IS NULL AND p.risk_since > greatest({reaches}, %(began)s) THEN 'risk:' || p.risk
             WHEN e.id IS NULL THEN 'age:' || p.first_age
             WHEN e.due_from IS NULL OR e.due_rule = '' THEN 'episode' ELSE e.due_rule END AS rule,
        CASE WHEN e.id IS NULL THEN greatest({reaches}, %(began)s, p.risk_since)
             ELSE coalesce(e.due_from, e.closed_on, e.opened_on) END AS counted_from,
        CASE WHEN e.id IS NULL THEN greatest({reaches}, %(began)s, p.risk_since)
             WHEN e.closed_on IS NULL THEN CASE WHEN e.state = '"""
    + SURVEILLANCE
    + """' THEN coalesce(
                (e.due_from + make_interval(months => steps.months, days => steps.days))::date, e.due_on) END
             WHEN e.due_from IS NOT NULL AND e.due_on IS NOT NULL AND rules.months IS NOT NULL
             THEN (e.due_from + make_interval(months =>
                CASE WHEN p.risk_months IS NOT NULL AND e.due_rule LIKE 'category:%%'
                THEN least(rules.months, p.risk_months) ELSE rules.months END))::date
             ELSE e.due_on END AS next_on
    FROM people p LEFT JOIN LATERAL (
        SELECT e.id, e.opened_on, e.closed_on, e.state, e.step, e.outcome, e.detail, e.due_on, e.due_from, e.due_rule
        FROM screening_episode e WHERE e.patient_id = p.patient_id AND e.programme = %(programme)s
        AND e.outcome <> 'withdrawn' ORDER BY e.opened_on DESC, e.id DESC LIMIT 1
    ) AS e ON true LEFT JOIN rules ON rules.rule = e.due_rule LEFT JOIN steps ON steps.rule = e.due_rule
    OFFSET 0
), placed AS (
    SELECT p.*, d.ceased, d.deferred, d.deferred_until,
        p.next_on IS NOT NULL AND d.deferral_ended > p.next_on AS put_off, d.deferral_ended,
        CASE WHEN d.deferral_ended > p.next_on THEN d.deferral_ended ELSE p.next_on END AS due
    FROM dated p LEFT JOIN decided d ON d.patient_id = p.patient_id
    OFFSET 0
), judged AS (
    SELECT p.*, CASE WHEN p.ceased IS NOT NULL OR (p.closed_on IS NOT NULL AND p.due IS NULL) THEN 'ceased'
        WHEN p.deferred_until IS NOT NULL THEN 'deferred'
        WHEN p.due IS NULL OR p.due > %(on)s THEN 'screened'
        WHEN {unreachable} THEN 'unreachable'
        WHEN p.due + %(overdue_after)s::int < %(on)s THEN 'overdue'
        ELSE 'due' END AS status
    FROM placed p
    OFFSET 0
)
SELECT p.patient_id, %(programme)s, p.area_id, coalesce(own.organization_id, callers.organization_id),
    p.status,
    CASE WHEN p.deferred_until > p.due THEN p.deferred_until ELSE p.due END,
    CASE WHEN p.put_off OR p.deferred_until > p.due THEN 'deferral' ELSE p.rule END,
    CASE WHEN p.deferred_until > p.due THEN p.deferred_until WHEN p.put_off THEN p.deferral_ended
         ELSE p.counted_from END,
    %(version)s,
    CASE WHEN p.episode IS NULL AND p.ceased IS NULL AND p.deferred IS NULL AND p.deferral_ended IS NULL AND p.risk = ''
        THEN '{{}}'::jsonb
        ELSE jsonb_strip_nulls(jsonb_build_object('episode', p.episode, 'decision', coalesce(p.ceased, p.deferred),
            'risk', nullif(p.risk, ''), 'step', nullif(p.step, ''), 'detail', nullif(p.detail, ''),
            'first_on', CASE WHEN p.put_off OR p.deferred_until > p.due THEN p.next_on END)) END,
    CASE p.status WHEN 'deferred' THEN p.deferred_until WHEN 'screened' THEN p.due
        WHEN 'due' THEN p.due + %(overdue_after)s::int + 1 END,
    %(on)s
FROM judged p
LEFT JOIN callers ON callers.area_id = p.area_id
LEFT JOIN records_facility own ON own.organization_id = p.facility_id AND own.active AND own.code IS NOT NULL
"""
)
