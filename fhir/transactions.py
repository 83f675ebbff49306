"""batch and transaction (https://hl7.org/fhir/R4/http.html#transaction).

A transaction is planned first (which entry becomes which id), its references are rewritten in the texts as they came,
and then all of it goes through ``store.save_many`` as one batch.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from fhir import log, store, tables, text
from fhir.definitions import resource_types
from fhir.ids import new_id
from fhir.matching import lock_criteria, match_one
from fhir.outcomes import Issue, Refused, refuse
from fhir.resolution import Names, refuse_own_address, resolved
from fhir.search import Row
from healthhub.accounts.actors import Actor

_ITEM = re.compile(r"([A-Z]\w+)/([A-Za-z0-9\-.]{1,64})")
_ETAG = re.compile(r'(?:W/)?"(\d{1,9})"')


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
    if_match: int | None = None
    only_new: bool = False
    matched: Row | None = None
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
    if method != "GET" and kind == log.TYPE:
        raise refuse(400, "not-supported", "Nobody writes the access log from outside.", f"{where}.request.url")
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
        if_none_exist=_if_none_exist(request, where) if method == "POST" else "",
        if_match=_if_match(request, where) if method in ("PUT", "DELETE") else None,
        only_new=method == "PUT" and _only_new(request, where),
    )


def _if_none_exist(request: dict[str, Any], where: str) -> str:
    criteria = request.get("ifNoneExist", "")
    if not isinstance(criteria, str):
        raise refuse(400, "value", "ifNoneExist takes search parameters as text.", f"{where}.request.ifNoneExist")
    return criteria


def _if_match(request: dict[str, Any], where: str) -> int | None:
    if "ifMatch" not in request:
        return None
    given = request["ifMatch"]
    found = _ETAG.fullmatch(given) if isinstance(given, str) else None
    if not found:
        raise refuse(400, "value", 'ifMatch must be an ETag such as W/"3".', f"{where}.request.ifMatch")
    return int(found[1])


def _only_new(request: dict[str, Any], where: str) -> bool:
    given = request.get("ifNoneMatch", "")
    if given not in ("", "*"):
        raise refuse(400, "not-supported", "A PUT takes ifNoneMatch * only.", f"{where}.request.ifNoneMatch")
    return bool(given)


def run(steps: Sequence[Step], *, actor: Actor, base_url: str = "") -> None:
    """Carry out the writes of a transaction, all or none; each step then knows what it ``saved`` or ``matched``.

    ``base_url`` is this server's address. Raises ``Refused`` with every problem found. Order as the specification
    says: deletions, creations, updates. What is there already is locked first of all, in one order, so that two
    transactions about the same resources wait for each other and do not deadlock.
    """
    _refuse_overlaps(steps)
    with transaction.atomic():
        lock_criteria(
            (step.type, step.if_none_exist, step.document.resource)
            for step in steps
            if step.if_none_exist and step.document
        )
        deletions = [step for step in steps if step.method == "DELETE"]
        if deletions:
            tables.lock_existing([(step.type, step.id) for step in steps if step.method in ("PUT", "DELETE")])
        for step in deletions:
            step.saved = _delete(step, actor=actor)
        presented = _resolve_creations(steps, actor=actor)
        names = _names(steps)
        writes = [step for step in steps if step.method in ("POST", "PUT") and step.matched is None]
        drafts = [_draft(step, names, base_url, actor=actor) for step in writes]
        for step, saved in zip(writes, store.save_many(drafts, actor=actor, presented=presented), strict=True):
            step.saved = saved


def _refuse_overlaps(steps: Sequence[Step]) -> None:
    """Two entries may not decide on one resource: the outcome would depend on their order."""
    seen: set[str] = set()
    for step in steps:
        if step.method in ("PUT", "DELETE"):
            what = f"{step.type}/{step.id}"
        elif step.if_none_exist:
            what = f"{step.type}?{step.if_none_exist}"
        else:
            continue
        if what in seen:
            raise refuse(400, "invalid", f"Several entries are about {what}; one may be.", step.expression)
        seen.add(what)


def _delete(step: Step, *, actor: Actor) -> store.Saved | None:
    try:
        return store.delete(type=step.type, id=step.id, actor=actor, if_match=step.if_match)
    except Refused as error:
        raise Refused(error.status, [issue.below(step.expression) for issue in error.issues]) from error


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


def _names(steps: Sequence[Step]) -> Names:
    """From what entries call each other (fullUrl) to the references that are stored."""
    names = Names()
    for step in steps:
        if not step.full_url or step.method == "GET":
            continue
        if step.full_url in names.full:
            raise refuse(400, "invalid", f"Two entries have the fullUrl {step.full_url}.", f"{step.expression}.fullUrl")
        names.add(step.full_url, f"{step.type}/{step.id}")
    names.seal()
    return names


def _draft(step: Step, names: Names, base_url: str, *, actor: Actor) -> store.Draft:
    assert step.document is not None
    where = f"{step.expression}.resource"
    document = resolved(step.document, names, full_url=step.full_url, where=where, actor=actor)
    if base_url:
        refuse_own_address(document, base_url, where)
    return store.Draft(
        document,
        id=step.id,
        fresh=step.fresh,
        if_match=step.if_match,
        only_new=step.only_new,
        expression=where,
    )
