"""batch and transaction (https://hl7.org/fhir/R4/http.html#transaction).

A transaction is planned first (which entry becomes which id), its references are rewritten in the texts as they came,
and then all of it goes through ``store.save_many`` as one batch.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from django.db import transaction

from fhir import store, text
from fhir.access import policy
from fhir.definitions import resource_types
from fhir.ids import new_id
from fhir.matching import match_one
from fhir.outcomes import Issue, Refused, refuse
from fhir.search import find
from healthhub.accounts.actors import Actor

_ITEM = re.compile(r"([A-Z]\w+)/([A-Za-z0-9\-.]{1,64})")
_CONDITIONAL = re.compile(r"([A-Z]\w+)\?(.+)")


@dataclass(slots=True)
class Step:
    """One entry of the Bundle and what it asks for. ``id`` is empty for a search; ``matched`` an existing resource."""

    position: int
    method: str
    url: str
    type: str
    id: str
    full_url: str
    document: text.Document | None
    if_none_exist: str = ""
    if_match: str | None = None
    matched: Any = None
    fresh: bool = False
    saved: store.Saved | None = field(default=None)

    @property
    def expression(self) -> str:
        """Where the entry stands."""
        return f"Bundle.entry[{self.position}]"


def plan(entries: Sequence[text.BundleEntry], *, first: int = 0) -> list[Step]:
    """Entries as steps, the first being number ``first`` of its Bundle.

    Raises ``Refused`` with every entry that is not understood.
    """
    steps: list[Step] = []
    problems: list[Issue] = []
    for position, entry in enumerate(entries, first):
        try:
            steps.append(_step(position, entry))
        except Refused as error:
            problems += error.issues
    if problems:
        raise Refused(400, problems)
    return steps


def _step(position: int, entry: text.BundleEntry) -> Step:
    where = f"Bundle.entry[{position}]"
    request = entry.entry.get("request")
    if not isinstance(request, dict) or not isinstance(request.get("url"), str):
        raise refuse(400, "required", "Each entry needs a request with a method and a url.", f"{where}.request")
    method, url = request.get("method"), request["url"].lstrip("/")
    if method not in ("GET", "POST", "PUT", "DELETE"):
        raise refuse(
            400,
            "not-supported",
            f"The method must be GET, POST, PUT or DELETE, not {method!r}.",
            f"{where}.request.method",
        )
    kind, name = url, ""
    if method in ("PUT", "DELETE"):
        item = _ITEM.fullmatch(url)
        if not item:
            raise refuse(
                400, "not-supported", f"{method} needs a url such as Patient/123, not {url!r}.", f"{where}.request.url"
            )
        kind, name = item.groups()
    if method != "GET" and kind not in resource_types():
        raise refuse(
            400, "not-supported", f"{kind!r} is not a resource type that is kept here.", f"{where}.request.url"
        )
    if method in ("POST", "PUT"):
        if entry.document is None:
            raise refuse(400, "required", f"A {method} entry needs a resource.", f"{where}.resource")
        if entry.document.resource.get("resourceType") != kind:
            raise refuse(
                400, "invalid", f"The resource is not of the url's type, {kind}.", f"{where}.resource.resourceType"
            )
    if method == "PUT" and entry.document and entry.document.resource.get("id") != name:
        raise refuse(400, "invalid", f"The resource's id must be the url's, {name}.", f"{where}.resource.id")
    full_url = entry.entry.get("fullUrl")
    return Step(
        position=position,
        method=method,
        url=url,
        type=kind,
        id=name,
        full_url=full_url if isinstance(full_url, str) else "",
        document=entry.document,
        if_none_exist=request.get("ifNoneExist") or "",
        if_match=request.get("ifMatch"),
    )


def run(steps: Sequence[Step], *, actor: Actor) -> None:
    """Carry out the writes of a transaction, all or none; each step then knows what it ``saved`` or ``matched``.

    Raises ``Refused`` with every problem found. Order as the specification says: deletions, creations, updates.
    """
    with transaction.atomic():
        for step in steps:
            if step.method == "DELETE":
                step.saved = store.delete(type=step.type, id=step.id, actor=actor)
        presented = _resolve_creations(steps, actor=actor)
        mapping = _mapping(steps)
        writes = [step for step in steps if step.method in ("POST", "PUT") and step.matched is None]
        drafts = [_draft(step, mapping, actor=actor) for step in writes]
        for step, saved in zip(writes, store.save_many(drafts, actor=actor, presented=presented), strict=True):
            step.saved = saved


def _resolve_creations(steps: Sequence[Step], *, actor: Actor) -> frozenset[str]:
    """Give every creation its id, or the existing resource that its ``ifNoneExist`` finds; answers the people found."""
    presented: set[str] = set()
    for step in steps:
        if step.method != "POST":
            continue
        if step.if_none_exist and step.document:
            try:
                step.matched = match_one(step.type, step.if_none_exist, step.document.resource, actor=actor)
            except Refused as error:
                raise Refused(
                    error.status, [issue.below(step.expression + ".resource") for issue in error.issues]
                ) from error
        if step.matched:
            step.id = step.matched.id
            if step.type == "Patient":
                presented.add(step.id)
        else:
            step.id, step.fresh = new_id(), True
    return frozenset(presented)


def _mapping(steps: Sequence[Step]) -> dict[str, str]:
    """From what entries call each other (fullUrl) to the references that are stored."""
    mapping: dict[str, str] = {}
    for step in steps:
        if not step.full_url or step.method == "GET":
            continue
        if step.full_url in mapping:
            raise refuse(400, "invalid", f"Two entries have the fullUrl {step.full_url}.", f"{step.expression}.fullUrl")
        mapping[step.full_url] = f"{step.type}/{step.id}"
    return mapping


def _draft(step: Step, mapping: dict[str, str], *, actor: Actor) -> store.Draft:
    assert step.document is not None
    document = step.document.rewritten(mapping)
    if found := dict(_conditional_references(document, step, actor=actor)):
        document = document.rewritten(found)
    return store.Draft(
        document,
        id=step.id,
        fresh=step.fresh,
        if_match=_etag(step),
        expression=f"{step.expression}.resource",
    )


def _conditional_references(document: text.Document, step: Step, *, actor: Actor) -> Iterator[tuple[str, str]]:
    if "?" not in document.raw:
        return
    for reference in set(text.reference_strings(document.raw)):
        query = _CONDITIONAL.fullmatch(reference)
        if not query or query[1] not in resource_types():
            continue
        yield reference, _sole(query[1], query[2], step, actor=actor)


def _sole(kind: str, criteria: str, step: Step, *, actor: Actor) -> str:
    rows = find(kind, parse_qsl(criteria, keep_blank_values=True), policy().readable(actor))
    if len(rows) != 1:
        count = "no resource" if not rows else "several resources"
        raise refuse(
            412,
            "not-found",
            f"The reference {kind}?… matches {count} that you may read.",
            f"{step.expression}.resource",
        )
    return f"{kind}/{rows[0].id}"


def _etag(step: Step) -> int | None:
    found = re.fullmatch(r'(?:W/)?"(\d+)"', step.if_match or "")
    if step.if_match and not found:
        raise refuse(400, "value", 'ifMatch must be an ETag such as W/"3".', f"{step.expression}.request.ifMatch")
    return int(found[1]) if found else None
