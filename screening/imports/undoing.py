"""Takes back what a file has stored: new results are withdrawn as entered in error, corrections go back to the version
before, parked rows leave the matching queue. By new versions only: nothing is erased, and what somebody has changed
since stays as it is and is told."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.utils.translation import gettext as _

from fhir.outcomes import Refused
from fhir.store import Draft, save_many
from fhir.text import parse
from healthhub.accounts.actors import Actor
from screening.laboratory.matching import take_back_parked
from screening.models import RowKind, RowState, StagedRow, UnmatchedResult

_NOW = """
SELECT k.row, r.version, r.deleted, r.content, r.facility, v.content
FROM unnest(%s::int[], %s::text[], %s::int[]) AS k(row, id, version)
JOIN fhir_resource r ON r.type = 'Observation' AND r.id = k.id
LEFT JOIN fhir_resourceversion v ON v.type = 'Observation' AND v.id = k.id AND v.version = k.version - 1
"""


class _Now(NamedTuple):
    version: int
    deleted: bool
    content: str
    facility: str | None
    before: str | None


def undo_rows(staged: Sequence[StagedRow], *, actor: Actor) -> None:
    """Undo a chunk within the caller's transaction. Each row then says what became of it (the caller saves it)."""
    stored = [one for one in staged if one.state == RowState.STORED]
    now = _versions(stored)
    drafts: list[tuple[StagedRow, Draft]] = []
    for one in stored:
        there = now.get(one.row)
        if there is None or there.deleted or there.version != one.version:
            _keep(one, _("Kết quả này đã được người khác sửa sau khi lưu; hãy xem và quyết định riêng."))
        else:
            facility = there.facility if actor.is_system else None
            drafts.append((one, Draft.of(_before(one, there), facility=facility, if_match=one.version)))
    _save(drafts, actor=actor)
    for one in staged:
        if one.state == RowState.PARKED:
            _unpark(one, actor=actor)


def _versions(staged: Sequence[StagedRow]) -> dict[int, _Now]:
    if not staged:
        return {}
    keys = [(one.row, one.observation, one.version) for one in staged]
    with connection.cursor() as cursor:
        cursor.execute(_NOW, [list(column) for column in zip(*keys, strict=True)])
        return {row: _Now(*rest) for row, *rest in cursor.fetchall()}


def _before(one: StagedRow, there: _Now) -> Mapping[str, Any]:
    if one.kind == RowKind.CORRECTION and there.before:
        return {**parse(there.before).resource, "id": one.observation, "status": "corrected"}
    return {**parse(there.content).resource, "id": one.observation, "status": "entered-in-error"}


def _save(drafts: Sequence[tuple[StagedRow, Draft]], *, actor: Actor) -> None:
    if not drafts:
        return
    try:
        with transaction.atomic():
            save_many([draft for _one, draft in drafts], actor=actor)
    except Refused as refused:
        if len(drafts) == 1:
            _keep(drafts[0][0], _("Hệ thống không hoàn tác được: {reason}").format(reason=refused))
            return
        middle = len(drafts) // 2
        _save(drafts[:middle], actor=actor)
        _save(drafts[middle:], actor=actor)
        return
    for one, _draft in drafts:
        one.state = RowState.UNDONE


def _unpark(one: StagedRow, *, actor: Actor) -> None:
    parked = UnmatchedResult.objects.filter(pk=int(one.observation.removeprefix("parked:"))).first()
    try:
        with transaction.atomic():
            if parked:
                take_back_parked(unmatched=parked, actor=actor, note=_("Tệp đã được hoàn tác."))
        one.state = RowState.UNDONE
    except Refused:
        _keep(one, _("Kết quả này đã được ghép với một người sau khi lưu; hãy xem và quyết định riêng."))


def _keep(one: StagedRow, reason: str) -> None:
    one.state, one.problems = RowState.KEPT, [["", reason]]
