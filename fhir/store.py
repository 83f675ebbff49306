"""The only writer of clinical facts.

Everything is a batch: ``save`` is a batch of one, so a clinic's POST, a transaction Bundle, a file of results and the
demo city run the same code, and its number of SQL statements does not depend on the batch's size. In one transaction:
is it allowed, is it valid, keep it as it came with its index and version, run the hooks of its type, log the access.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import IntegrityError, transaction

from fhir import hooks, tables, text
from fhir.access import Write, policy
from fhir.ids import is_id, new_id
from fhir.outcomes import Asked, Issue, Refused, refuse
from fhir.parameters import extract
from fhir.validation import validate
from healthhub.accounts.actors import Actor
from healthhub.postgresql.wall import unwalled


@dataclass(slots=True)
class Draft:
    """A resource about to be written.

    Without ``id``, or with one that was just made (``fresh``, so that other entries of a transaction can refer to it),
    it is a creation; with any other ``id`` it is an update, or a creation under that id.
    ``if_match`` is the version that the writer has seen; ``only_new`` allows a creation only. ``facility`` says for
    whom the system itself writes (a file of many facilities); anybody else writes for the own facility.
    A resource stays that of whom it was first written for, unless it is ``handed`` to ``facility``.
    ``expression`` is where it stands in a Bundle.
    """

    document: text.Document
    id: str | None = None
    fresh: bool = False
    if_match: int | None = None
    only_new: bool = False
    facility: str | None = None
    handed: bool = False
    expression: str = ""

    @property
    def resource(self) -> dict[str, Any]:
        """The parsed resource."""
        return self.document.resource

    @property
    def type(self) -> str:
        """The resource's type; empty if it names none."""
        kind = self.resource.get("resourceType")
        return kind if isinstance(kind, str) else ""

    @classmethod
    def of(cls, resource: Mapping[str, Any], *, facility: str | None = None, if_match: int | None = None) -> "Draft":
        """A draft of a resource built in Python, numbers as ``Decimal``; its ``id`` makes it an update."""
        return cls(text.Document.of(dict(resource)), id=resource.get("id"), if_match=if_match, facility=facility)


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of a draft. ``changed`` is false when the stored version said the same already."""

    type: str
    id: str
    version: int
    last_updated: datetime
    created: bool
    changed: bool
    content: str

    @property
    def reference(self) -> str:
        """The reference that other resources use."""
        return f"{self.type}/{self.id}"


def save(
    resource: Mapping[str, Any], *, actor: Actor, if_match: int | None = None, facility: str | None = None
) -> Saved:
    """Write one resource; raises ``Refused`` and saves nothing if it is not allowed or not valid."""
    return save_many([Draft.of(resource, facility=facility, if_match=if_match)], actor=actor)[0]


def check(drafts: Sequence[Draft]) -> list[Issue]:
    """Every problem that the drafts show by themselves, each at its place in the Bundle."""
    found: list[Issue] = []
    for draft in drafts:
        issues = validate(draft.resource)
        found += [issue.below(draft.expression) for issue in issues] if draft.expression else issues
    return found


@unwalled()
def save_many(
    drafts: Sequence[Draft], *, actor: Actor, presented: frozenset[str] = frozenset(), checked: bool = False
) -> list[Saved]:
    """Write all drafts or none, and answer in their order.

    ``presented`` holds the ids of people who showed their papers where the actor works (see ``records.access``).
    ``checked`` says that ``check`` has found no error in these very drafts, e.g. in another process.
    Raises ``Refused``: 422 invalid, 403 not allowed, 409 conflict, 412 not the version that ``if_match`` names.
    """
    if not checked and (problems := [issue for issue in check(drafts) if issue.severity in ("error", "fatal")]):
        raise Refused(422, problems)
    try:
        with transaction.atomic():
            return _write(drafts, actor=actor, presented=presented)
    except IntegrityError as error:
        if getattr(error.__cause__, "pgcode", "") != "23505":
            raise
        raise refuse(
            409, "conflict", "Another writer saved the same thing at this moment. Read it and try again."
        ) from error


def _write(drafts: Sequence[Draft], *, actor: Actor, presented: frozenset[str]) -> list[Saved]:
    _refuse_twins(drafts)
    existing = tables.lock_existing([(draft.type, draft.id) for draft in drafts if draft.id and not draft.fresh])
    now = datetime.now(UTC)
    now = now.replace(microsecond=now.microsecond // 1000 * 1000)
    saved: list[Saved] = []
    changes: list[hooks.Change] = []
    inserts: list[tables.Row] = []
    updates: list[tables.Row] = []
    writes: list[Write] = []
    places: list[str] = []
    for draft in drafts:
        old = existing.get((draft.type, draft.id)) if draft.id else None
        if old and not old.deleted and _says_the_same(draft, old):
            saved.append(Saved(old.type, old.id, old.version, old.last_updated, False, False, old.content))
            writes.append(_write_of(draft, old.id, old.patient, actor, old))
            continue
        name = draft.id or new_id()
        version = old.version + 1 if old else 1
        content = text.compose(draft.document, id=name, version=version, last_updated=now)
        draft.resource["id"] = name
        index = extract(draft.resource)
        facility = old.facility if old and not draft.handed else draft.facility or actor.facility
        row = tables.Row(draft.type, name, version, now, False, index.patient, facility, actor.id, content, index)
        (updates if old else inserts).append(row)
        saved.append(Saved(draft.type, name, version, now, old is None or old.deleted, True, content))
        previous = old.content if old and not old.deleted else None
        changes.append(hooks.Change(draft.type, name, version, draft.resource, index.patient, facility, previous, now))
        writes.append(_write_of(draft, name, index.patient, actor, old))
        places.append(draft.expression)
    _check_access(writes, actor=actor, presented=presented)
    for draft in drafts:  # after access, for the answer tells the stored version
        _check_version(draft, existing.get((draft.type, draft.id or "")))
    if problems := [
        issue.below(places[position]) if places[position] else issue
        for position, issue in hooks.run_validators(changes)
        if issue.severity in ("error", "fatal")
    ]:
        raise Refused(409 if any(issue.code == "duplicate" for issue in problems) else 422, problems)
    inserts.sort(key=lambda row: (row.type, row.id))  # in one order, so that two batches cannot deadlock
    tables.insert_rows(inserts, actor=actor)
    tables.replace_rows(updates, actor=actor, action="update")
    hooks.run_saved(changes, actor=actor)
    return saved


@unwalled()
def delete(*, type: str, id: str, actor: Actor, if_match: int | None = None) -> Saved | None:
    """Mark a resource as deleted; its versions stay readable. None if there is nothing (left) to delete."""
    if not is_id(id):
        return None
    with transaction.atomic():
        old = tables.lock_existing([(type, id)]).get((type, id))
        if old is None or old.deleted:
            return None
        _check_access(
            [Write(type, id, None, old.patient, actor.facility, old.facility, old.patient, True, type)],
            actor=actor,
            presented=frozenset(),
        )
        _check_match(if_match, old, f"{type}/{id}")
        now = datetime.now(UTC)
        row = tables.Row(type, id, old.version + 1, now, True, old.patient, old.facility, actor.id, "", None)
        tables.replace_rows([row], actor=actor, action="delete")
        change = hooks.Change(type, id, row.version, None, old.patient, old.facility, old.content, now)
        hooks.run_saved([change], actor=actor)
        return Saved(type, id, row.version, now, False, True, "")


def _says_the_same(draft: Draft, old: tables.Existing) -> bool:
    return text.compose(draft.document, id=old.id, version=old.version, last_updated=old.last_updated) == old.content


def _write_of(draft: Draft, name: str, patient: str | None, actor: Actor, old: tables.Existing | None) -> Write:
    return Write(
        type=draft.type,
        id=name,
        resource=draft.resource,
        patient=patient,
        facility=draft.facility or actor.facility,
        owner=old.facility if old else None,
        previous_patient=old.patient if old else None,
        exists=old is not None,
        expression=draft.expression or draft.type,
    )


def _check_access(writes: Sequence[Write], *, actor: Actor, presented: frozenset[str]) -> None:
    if not actor.is_system and any(write.facility != actor.facility for write in writes):
        beyond = Issue("error", "forbidden", "", "You may only write for your own facility.")
        raise Refused(403, [beyond], asked=_asked(writes))
    created = {write.id for write in writes if write.type == "Patient" and not write.exists}
    if problems := policy().check_writes(writes, actor=actor, presented=presented | created):
        refused = [one for one in writes if any(issue.expression.startswith(one.expression) for issue in problems)]
        raise Refused(403, problems, asked=_asked(refused))


def _asked(writes: Sequence[Write]) -> list[Asked]:
    """Each thing with everybody whom it is or would be about."""
    asked = []
    for write in writes:
        people: list[str | None] = [*{write.patient, write.previous_patient} - {None}]
        asked += [Asked(write.type, write.id if write.exists else "", one) for one in people or [None]]
    return asked


def _check_version(draft: Draft, old: tables.Existing | None) -> None:
    if draft.only_new and old is not None and not old.deleted:
        told = f"{draft.type}/{draft.id} exists already, and you asked for a new one only."
        raise refuse(412, "conflict", told, draft.expression)
    if draft.if_match is None:
        return
    if old is None:
        raise refuse(412, "conflict", f"{draft.type}/{draft.id} does not exist, so no version of it matches If-Match.")
    _check_match(draft.if_match, old, f"{draft.type}/{draft.id}")


def _check_match(if_match: int | None, old: tables.Existing, reference: str) -> None:
    if if_match is not None and if_match != old.version:
        raise refuse(
            412,
            "conflict",
            f"{reference} is at version {old.version}, not {if_match}: somebody changed it. Read it again first.",
        )


def _refuse_twins(drafts: Sequence[Draft]) -> None:
    seen: set[tuple[str, str]] = set()
    for draft in drafts:
        if draft.id is None:
            continue
        if (draft.type, draft.id) in seen:
            raise refuse(
                400, "invalid", f"{draft.type}/{draft.id} is written twice in one transaction.", draft.expression
            )
        seen.add((draft.type, draft.id))
