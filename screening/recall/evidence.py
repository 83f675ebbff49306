"""What the stored record says about a person: which Conditions, Procedures and Observations carry certain codes."""

import json
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from fhir.parameters.hashes import FURTHER, token_hash
from fhir.parameters.mainfacts import main_facts
from screening.diagnoses import is_diagnosis_sql
from screening.protocol.codes import ICD10
from screening.protocol.shapes import Coding, Protocol, RiskGroup
from screening.protocol.shapes_people import Positive, Threshold
from screening.results import FLAG

# Conditions over a row ``r`` of the store: what it says was taken back, is in doubt, or has not happened.
_WITHDRAWN = {
    "Condition": f"NOT ({is_diagnosis_sql('r.content')})",
    "Procedure": "(r.content::jsonb ->> 'status') <> 'completed'",
    "Observation": "(r.content::jsonb ->> 'status') NOT IN ('final', 'amended', 'corrected')",
}
_SINCE = "coalesce(r.starts, r.last_updated)::date"
_SOURCE = "r.type || '/' || r.id AS source"
# The last day that a recorded day, month or year may mean.
_TEXT = "(r.content::jsonb ->> 'valueDateTime')"
_ENDED = (
    f"CASE length({_TEXT}) WHEN 4 THEN make_date({_TEXT}::int, 12, 31) "
    f"WHEN 7 THEN (({_TEXT} || '-01')::date + interval '1 month' - interval '1 day')::date "
    f"ELSE left({_TEXT}, 10)::date END"
)
TYPES = ("Condition", "Procedure")


def carrying(types: Iterable[str], codings: Sequence[Coding], params: dict[str, Any], *, scope: str) -> str:
    """SELECT patient, since, source of the living resources that carry one of the codes.

    ``scope`` narrows ``r.patient``. The column holds the first coding, further ones have numbers of their own. ICD-10
    codes are meant with all that is below them: C18 finds C18.7. Fills ``params``.
    """
    return " UNION ALL ".join(_of_type(type_, codings, params, scope) for type_ in types)


def excluded(protocol: Protocol, on: date, params: dict[str, Any], *, scope: str) -> str:
    """SELECT patient of those whom a recorded fact takes out of the programme; "" if no fact does.

    A fact that must be looked at again after some months counts for so long since its day: then she is called again,
    and whoever sees her decides. So a pregnancy does not end anybody's screening.
    """
    found = []
    for exclusion in protocol.exclusions:
        if not exclusion.codings:
            continue
        sql = f"SELECT patient FROM ({carrying(TYPES, exclusion.codings, params, scope=scope)}) AS fact"
        if exclusion.review_months:
            day, months = _add(params, on), _add(params, exclusion.review_months)
            sql += f" WHERE since + make_interval(months => %({months})s) > %({day})s"
        found.append(sql)
    return " UNION ALL ".join(found)


def lapsing(protocol: Protocol, after: date, upto: date, params: dict[str, Any]) -> str:
    """SELECT patient of those whom a fact excluded or put at risk until a day in (after, upto]; "" if none ends so."""
    found = []
    for exclusion in protocol.exclusions:
        if exclusion.codings and exclusion.review_months:
            first, last, months = _add(params, after), _add(params, upto), _add(params, exclusion.review_months)
            facts = carrying(TYPES, exclusion.codings, params, scope="")
            ends = f"(since + make_interval(months => %({months})s))::date"
            found.append(f"SELECT patient FROM ({facts}) AS fact WHERE {ends} > %({first})s AND {ends} <= %({last})s")
    for group in protocol.risk_groups:
        if group.stopped:
            first, last, years = _add(params, after), _add(params, upto), _add(params, group.stopped.years)
            ends = f"({_ENDED} + make_interval(years => %({years})s))::date"
            found.append(
                f"SELECT r.patient FROM fhir_resource r WHERE {_observed(group.stopped.codings, params)} "
                f"AND r.patient IS NOT NULL AND {ends} >= %({first})s AND {ends} < %({last})s"
            )
    return " UNION ".join(found)


def at_risk(group: RiskGroup, on: date, params: dict[str, Any], *, scope: str) -> str:
    """SELECT patient, since, source of what puts people into the group: Conditions, amounts, positive results.

    Where the group says when a risk that has ended counts no more, whoever ended it longer ago is left out: by the
    newest record of it, and one without a day (not ended, not known) leaves nobody out.
    """
    ways = [carrying(("Condition",), group.codings, params, scope=scope)] if group.codings else []
    ways += [_reaching(group.observation, params, scope)] if group.observation else []
    ways += [_positive(group.result, params, scope)] if group.result else []
    found = " UNION ALL ".join(ways)
    if group.stopped is None:
        return found
    day, years = _add(params, on), _add(params, group.stopped.years)
    stops = _observed(group.stopped.codings, params)
    ended = (
        f"SELECT {_ENDED} FROM fhir_resource r WHERE {stops} AND r.patient = fact.patient "
        "ORDER BY coalesce(r.starts, r.last_updated) DESC, r.id DESC LIMIT 1"
    )
    return (
        f"SELECT patient, since, source FROM ({found}) AS fact "
        f"WHERE (({ended}) + make_interval(years => %({years})s) < %({day})s) IS NOT TRUE"
    )


def _reaching(seen: Threshold, params: dict[str, Any], scope: str) -> str:
    least, unit = _add(params, seen.at_least), _add(params, seen.unit)
    return (
        f"SELECT r.patient, {_SINCE} AS since, {_SOURCE} FROM fhir_resource r "
        f"WHERE {_observed((seen.coding,), params)} AND r.patient IS NOT NULL {scope} "
        f"AND (r.content::jsonb #>> '{{valueQuantity,value}}')::numeric >= %({least})s "
        f"AND coalesce(r.content::jsonb #>> '{{valueQuantity,code}}', r.content::jsonb #>> '{{valueQuantity,unit}}') "
        f"= %({unit})s"
    )


def _positive(seen: Positive, params: dict[str, Any], scope: str) -> str:
    values = _add(params, [json.dumps([{"system": system, "code": code}]) for system, code in seen.values])
    said = _add(params, json.dumps([{"coding": [{"system": FLAG, "code": "POS"}]}]))
    return (
        f"SELECT r.patient, {_SINCE} AS since, {_SOURCE} FROM fhir_resource r "
        f"WHERE {_observed(seen.codings, params)} AND r.patient IS NOT NULL {scope} "
        f"AND (r.content::jsonb #> '{{valueCodeableConcept,coding}}' @> ANY(%({values})s::jsonb[]) "
        f"OR r.content::jsonb -> 'interpretation' @> %({said})s::jsonb)"
    )


def _observed(codings: Sequence[Coding], params: dict[str, Any]) -> str:
    """A condition over ``r``: a final Observation by one of these codes."""
    names = _add(params, [f"{system}|{code}" for system, code in codings])
    return (
        f"r.type = 'Observation' AND r.code = ANY(%({names})s) AND NOT r.deleted AND NOT ({_WITHDRAWN['Observation']})"
    )


def _of_type(type_: str, codings: Sequence[Coding], params: dict[str, Any], scope: str) -> str:
    fulls = [f"{system}|{code}" for system, code in codings]
    codes = _add(params, fulls)
    ways = [f"r.code = ANY(%({codes})s)"]
    if below := [f"{full}.%" for full, coding in zip(fulls, codings, strict=True) if coding[0] == ICD10]:
        ways.append(f"r.code LIKE ANY(%({_add(params, below)})s)")
    if facts := main_facts(type_).code:
        forms = [form for full, coding in zip(fulls, codings, strict=True) for form in _forms(full, coding)]
        numbers = _add(params, [token_hash(facts.key + FURTHER, form) for form in forms])
        ways.append(f"r.tokens && %({numbers})s::bigint[]")
    return (
        f"SELECT r.patient, {_SINCE} AS since, {_SOURCE} FROM fhir_resource r WHERE r.type = '{type_}' "
        f"AND ({' OR '.join(ways)}) AND NOT r.deleted AND r.patient IS NOT NULL {scope} AND NOT ({_WITHDRAWN[type_]})"
    )


def _forms(full: str, coding: Coding) -> list[str]:
    """A code, and for ICD-10 those one digit below it: a number can be looked up only whole."""
    return [full, *(f"{full}.{digit}" for digit in range(10))] if coding[0] == ICD10 else [full]


def _add(params: dict[str, Any], value: Any) -> str:
    name = f"p{len(params)}"
    params[name] = value
    return name
