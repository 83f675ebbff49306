"""What the stored record says about a person: which Conditions, Procedures and Observations carry certain codes."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from fhir.parameters.hashes import FURTHER, token_hash
from fhir.parameters.mainfacts import main_facts
from screening.diagnoses import is_diagnosis_sql
from screening.protocol.codes import ICD10
from screening.protocol.shapes import Coding, Protocol, RiskGroup

# Conditions over a row ``r`` of the store: what it says was taken back, is in doubt, or has not happened.
_WITHDRAWN = {
    "Condition": f"NOT ({is_diagnosis_sql('r.content')})",
    "Procedure": "(r.content::jsonb ->> 'status') <> 'completed'",
    "Observation": "(r.content::jsonb ->> 'status') NOT IN ('final', 'amended', 'corrected')",
}
_SINCE = "coalesce(r.starts, r.last_updated)::date"
_SOURCE = "r.type || '/' || r.id AS source"
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
    """SELECT patient of those whom a fact excluded until a day in (after, upto]; "" if no exclusion ends by itself."""
    found = []
    for exclusion in protocol.exclusions:
        if exclusion.codings and exclusion.review_months:
            first, last, months = _add(params, after), _add(params, upto), _add(params, exclusion.review_months)
            facts = carrying(TYPES, exclusion.codings, params, scope="")
            ends = f"(since + make_interval(months => %({months})s))::date"
            found.append(f"SELECT patient FROM ({facts}) AS fact WHERE {ends} > %({first})s AND {ends} <= %({last})s")
    return " UNION ".join(found)


def reaching(group: RiskGroup, params: dict[str, Any], *, scope: str) -> str:
    """SELECT patient, since, source of Observations whose value reaches the group's threshold in its unit."""
    seen = group.observation
    assert seen is not None
    name = _add(params, [f"{seen.coding[0]}|{seen.coding[1]}"])
    least, unit = _add(params, seen.at_least), _add(params, seen.unit)
    return (
        f"SELECT r.patient, {_SINCE} AS since, {_SOURCE} FROM fhir_resource r WHERE r.type = 'Observation' "
        f"AND r.code = ANY(%({name})s) AND NOT r.deleted AND r.patient IS NOT NULL {scope} "
        f"AND NOT ({_WITHDRAWN['Observation']}) "
        f"AND (r.content::jsonb #>> '{{valueQuantity,value}}')::numeric >= %({least})s "
        f"AND coalesce(r.content::jsonb #>> '{{valueQuantity,code}}', r.content::jsonb #>> '{{valueQuantity,unit}}') "
        f"= %({unit})s"
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
