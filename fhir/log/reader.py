"""Reading and searching the access log. Whoever reads it leaves one line in it, whatever she has read."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Final

from django.db.models import QuerySet
from django.db.models.expressions import RawSQL
from django.db.models.fields import BooleanField

from fhir import text
from fhir.access import policy
from fhir.definitions import resource_types
from fhir.log.meanings import actions_meaning
from fhir.log.resource import audit_event
from fhir.outcomes import Asked, Issue, Refused, refuse
from fhir.parameters import dates
from fhir.search import Page, Query
from fhir.search.bundle import Row
from fhir.search.comparisons import compare_instant
from fhir.search.query import Criterion, DateValue, ReferenceValue, TextValue, TokenValue
from fhir.search.sql import FALSE, Sql, all_of, any_of
from healthhub.accounts.actors import Actor
from healthhub.audit.log import record_access
from healthhub.audit.models import AccessEntry

TYPE: Final = "AuditEvent"
_LARGEST: Final = 2**63


def read_event(id_: str, *, actor: Actor) -> str:
    """One line as an AuditEvent's text. Refused: 404 if there is none that the actor may read."""
    lines = _readable("r", [Asked(TYPE, id_)], actor=actor)
    line = lines.filter(pk=id_).first() if id_.isascii() and id_.isdigit() and int(id_) < _LARGEST else None
    if line is None:
        issue = Issue("error", "not-found", TYPE, f"There is no {TYPE}/{id_} that you may read.")
        raise Refused(404, [issue], asked=[Asked(TYPE, id_)])
    record_access(actor=actor, action="read", patients=[line.patient], resource_type=TYPE, resource_id=id_)
    return text.serialise(audit_event(line, reader=actor))


def search_events(query: Query, *, actor: Actor) -> Page:
    """One page, newest first. Refused: 400 for what this log cannot be searched by."""
    people: list[str | None] = [*sorted(_people(query))] or [actor.about or actor.patient]
    lines = _readable("s", [Asked(TYPE, "", one) for one in people], actor=actor)
    _check(query)
    if actor.patient and any(one.parameter.code == "address" for one in query.criteria):
        lines = lines.filter(actor=actor.id)  # no other line shows her one
    if query.criteria:
        condition = all_of(_CONDITIONS[one.parameter.code](one) for one in query.criteria)
        lines = lines.filter(RawSQL(condition.text, condition.params, output_field=BooleanField()))
    total = lines.count() if query.total != "none" or query.count == 0 else None
    if query.after:
        lines = lines.filter(pk__lt=query.after) if _is_number(query.after) else lines.none()
    found = list(lines.order_by("-id")[: query.count + 1]) if query.count else []
    record_access(actor=actor, action="search", patients=people, resource_type=TYPE)
    rows = [
        Row(TYPE, str(one.pk), 1, one.at, one.patient, text.serialise(audit_event(one, reader=actor))) for one in found
    ]
    return Page(rows[: query.count], len(rows) > query.count > 0, total)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and int(text) < _LARGEST


def _readable(action: str, asked: Iterable[Asked], *, actor: Actor) -> QuerySet[AccessEntry]:
    try:
        policy().require(action, TYPE, actor=actor)
        may = policy().log_readable(actor, searching=action == "s")
        if may is None:
            raise refuse(403, "forbidden", "Auditors read the access log, and each person what is about herself.", TYPE)
    except Refused as error:
        raise Refused(error.status, error.issues, asked=asked) from error
    return AccessEntry.objects.filter(RawSQL(may.sql, may.params, output_field=BooleanField()))


def _check(query: Query) -> None:
    for one in query.criteria:
        name = one.parameter.code
        wrong = name not in SEARCHED_BY or one.missing is not None
        if wrong or (one.modifier and (name, one.modifier) != ("agent", "identifier")):
            known = ", ".join(SEARCHED_BY)
            told = f"The access log is searched by {known}, without modifiers but for agent:identifier."
            raise refuse(400, "not-supported", told, f"http.{one.pair()[0]}")
    if any(str(key) not in ("-date", "-_lastUpdated") for key in query.sort):
        raise refuse(400, "not-supported", "The access log comes newest first only (_sort=-date).", "http._sort")


def _people(query: Query) -> set[str]:
    return {
        value.id
        for one in query.criteria
        for value in one.values
        if isinstance(value, ReferenceValue)
        and (one.parameter.code == "patient" or (one.parameter.code == "entity" and value.type == "Patient"))
    }


def _patient(one: Criterion) -> Sql:
    return any_of(
        Sql("audit_accessentry.patient = %s", (value.id,))
        for value in one.values
        if isinstance(value, ReferenceValue) and value.type in ("", "Patient")
    )


def _entity(one: Criterion) -> Sql:
    found = []
    for value in one.values:
        if not isinstance(value, ReferenceValue) or value.type not in resource_types():
            continue
        thing = Sql("(resource_type = %s AND resource_id = %s)", (value.type, value.id))
        found.append(any_of([Sql("patient = %s", (value.id,)), thing]) if value.type == "Patient" else thing)
    return any_of(found)


def _agent(one: Criterion) -> Sql:
    found = []
    for value in one.values:
        if isinstance(value, ReferenceValue) and value.type in ("", "Organization"):
            found.append(Sql("facility = %s", (value.id,)))
        elif isinstance(value, TokenValue):
            found.append(Sql("(actor = %s OR client = %s)", (value.code, value.code.removeprefix("client:"))))
    return any_of(found)


def _date(one: Criterion) -> Sql:
    now = datetime.now(UTC)
    return any_of(
        compare_instant(value, (dates.as_instant(low), dates.as_instant(high)), "at", now=now)
        for value in one.values
        if isinstance(value, DateValue)
        for low, high in [value.period]
    )


def _meaning(one: Criterion) -> Sql:
    return any_of(_action(one.parameter.code, value) for value in one.values if isinstance(value, TokenValue))


def _action(parameter: str, value: TokenValue) -> Sql:
    actions, others = actions_meaning(parameter, value.system, value.code)
    if not others:
        return Sql("action = ANY(%s)", (actions,)) if actions else FALSE
    unasked = [action for action in _known() if action not in actions]
    return Sql("action <> ALL(%s::text[])", (unasked,))


def _known() -> list[str]:
    return actions_meaning("action", None, "")[0]


def _id(one: Criterion) -> Sql:
    ids = [int(value.code) for value in one.values if isinstance(value, TokenValue) and _is_number(value.code)]
    return Sql("audit_accessentry.id = ANY(%s)", (ids,)) if ids else FALSE


def _address(one: Criterion) -> Sql:
    return any_of(Sql("address = %s", (value.text,)) for value in one.values if isinstance(value, TextValue))


_CONDITIONS: Final[dict[str, Callable[[Criterion], Sql]]] = {
    "_id": _id,
    "_lastUpdated": _date,
    "action": _meaning,
    "address": _address,
    "agent": _agent,
    "date": _date,
    "entity": _entity,
    "outcome": _meaning,
    "patient": _patient,
    "subtype": _meaning,
    "type": _meaning,
}
SEARCHED_BY: Final = tuple(_CONDITIONS)
