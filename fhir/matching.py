"""Conditional create: is the thing that a client wants to create here already?

(https://hl7.org/fhir/R4/http.html#ccreate)
"""

from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl

from django.db import connection

from fhir import text
from fhir.access import Condition, policy
from fhir.outcomes import Asked, Issue, Refused, refuse
from fhir.search import Row, find, is_text
from healthhub.accounts.actors import Actor
from healthhub.audit.log import record_access
from healthhub.postgresql.wall import unwalled

_EVERYTHING = Condition("TRUE")


def lock_criteria(asked: Iterable[tuple[str, str, dict[str, Any]]]) -> None:
    """Let others who create the same (type, criteria, resource) wait until this transaction ends: both would find
    nothing. People are held by their identifiers too, by which two clients may look in different ways."""
    keys: set[str] = set()
    for type, criteria, resource in asked:
        keys.add(f"{type} {_trimmed(type, criteria)}")
        if type == "Patient":
            keys |= {f"Patient {key}" for key in _identifiers(resource)}
    if keys:
        with connection.cursor() as cursor:
            held = sorted(filter(is_text, keys))
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(k, 0)) FROM unnest(%s::text[]) AS k", [held])


def match_one(type: str, criteria: str, resource: dict[str, Any], *, actor: Actor) -> Row | None:
    """The one resource that matches the search ``criteria``, or None. Refused: 412 if several do.

    A person is looked for in the whole city, because one person must not get two records. Whoever sends a Patient with
    the stored one's identifier and birth date has the person's papers at hand: the person is in that facility's care
    from now on. With another birth date it is refused (409): a wrong digit must not open somebody else's record.
    That goes for the identifiers of the Patient sent. By anything else (name, birth date) only people whom the actor
    may read are found: else the answers would tell, criterion by criterion, who the others are.

    Call ``lock_criteria`` before, in the same transaction.
    """
    pairs = parse_qsl(_trimmed(type, criteria), keep_blank_values=True)
    if not pairs:
        raise refuse(400, "invalid", "If-None-Exist needs search parameters such as identifier=system|value.", type)
    for action in "cs":
        policy().require(action, type, actor=actor)
    by_papers = type == "Patient" and all(_is_papers(name, value, resource) for name, value in pairs)
    if by_papers:
        with unwalled():
            found = find(type, pairs, _EVERYTHING)
    else:
        found = find(type, pairs, policy().readable(actor, searching=True))
    if len(found) > 1:
        raise refuse(412, "multiple-matches", f"Several {type} resources match {criteria!r}; nothing was saved.", type)
    if not found:
        return None
    if type == "Patient":
        _admit(found[0], resource, actor=actor)
    record_access(actor=actor, action="read", patients=[found[0].patient], resource_type=type, resource_id=found[0].id)
    return found[0]


def _trimmed(type: str, criteria: str) -> str:
    return criteria.removeprefix(f"{type}?").removeprefix("?")


def _is_papers(name: str, value: str, sent: dict[str, Any]) -> bool:
    """Whether a criterion is one of the identifiers sent, with or without its system."""
    keys = _identifiers(sent)
    return name == "identifier" and (value in keys or value in {key.partition("|")[2] for key in keys})


def _admit(stored: Row, sent: dict[str, Any], *, actor: Actor) -> None:
    known = text.parse(stored.content).resource
    if not known.get("birthDate") or known.get("birthDate") != sent.get("birthDate") or not _shared(known, sent):
        told = "A person with this identifier is known under another birth date. Check both against the identity card."
        issue = Issue("error", "conflict", "Patient.birthDate", told)
        raise Refused(409, [issue], asked=[Asked("Patient", stored.id, stored.id)])
    policy().record_presented(frozenset({stored.id}), actor=actor)


def _shared(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return bool(_identifiers(one) & _identifiers(other))


def _identifiers(patient: dict[str, Any]) -> set[str]:
    """``system|value`` of each; what is sent is not validated yet."""
    entries = patient.get("identifier")
    keys = {
        f"{entry.get('system') or ''}|{entry['value']}"
        for entry in (entries if isinstance(entries, list) else ())
        if isinstance(entry, dict) and isinstance(entry.get("value"), str)
    }
    return {key for key in keys if is_text(key)}
