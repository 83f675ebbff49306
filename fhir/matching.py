"""Conditional create: is the thing that a client wants to create here already?

(https://hl7.org/fhir/R4/http.html#ccreate)
"""

from typing import Any
from urllib.parse import parse_qsl

from fhir import text
from fhir.access import Condition, policy
from fhir.outcomes import refuse
from fhir.search import Row, find
from healthhub.accounts.actors import Actor

_EVERYTHING = Condition("TRUE")


def match_one(type: str, criteria: str, resource: dict[str, Any], *, actor: Actor) -> Row | None:
    """The one resource that matches the search ``criteria``, or None. Refused: 412 if several do.

    A person is looked for in the whole city, because one person must not get two records. Whoever sends a Patient with
    the stored one's identifier and birth date has the person's papers at hand: the person is in that facility's care
    from now on. With another birth date it is refused (409): a wrong digit must not open somebody else's record.
    """
    pairs = parse_qsl(criteria.removeprefix(f"{type}?").removeprefix("?"), keep_blank_values=True)
    if not pairs:
        raise refuse(400, "invalid", "If-None-Exist needs search parameters such as identifier=system|value.", type)
    may = _EVERYTHING if type == "Patient" else policy().readable(actor)
    found = find(type, pairs, may)
    if len(found) > 1:
        raise refuse(412, "multiple-matches", f"Several {type} resources match {criteria!r}; nothing was saved.", type)
    if not found:
        return None
    if type == "Patient":
        _admit(found[0], resource, actor=actor)
    return found[0]


def _admit(stored: Row, sent: dict[str, Any], *, actor: Actor) -> None:
    known = text.parse(stored.content).resource
    if not known.get("birthDate") or known.get("birthDate") != sent.get("birthDate") or not _shared(known, sent):
        raise refuse(
            409,
            "conflict",
            "A person with this identifier is known under another birth date. Check both against the identity card.",
            "Patient.birthDate",
        )
    policy().record_presented(frozenset({stored.id}), actor=actor)


def _shared(one: dict[str, Any], other: dict[str, Any]) -> bool:
    keys = [
        {(entry.get("system"), entry.get("value")) for entry in patient.get("identifier", []) if entry.get("value")}
        for patient in (one, other)
    ]
    return bool(keys[0] & keys[1])
