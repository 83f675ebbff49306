"""One person who was registered twice: two people of staff say so, and it can be taken back without loss.

No text but those of the two Patients is written anew. `fhir.merging` lays what names the duplicate into the kept one's
compartment, each app moves what it derived from it (`on_merged`), and rows that no resource carries are moved here and
noted, so that undoing gives back exactly these. The access log stays as it was written.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, models, transaction
from django.utils import timezone

from fhir import merging, store
from fhir.models import Resource
from fhir.outcomes import refuse
from healthhub.accounts.actors import Actor, Role, system_actor
from healthhub.audit.log import record_access
from records.access import visible_to
from records.models import CareBasis, CareRelation, Citizen, Consent, EmergencyAccess, Membership, PersonMerge
from records.models import RecordRequest as Request
from records.projections import rebuild_care

#: Who may say that two people are one.
MERGES: Final = frozenset({Role.REGISTRAR, Role.CLINICIAN})
_AUTHOR: Final = system_actor("merge")

Moved = Callable[[str, str, Sequence[merging.Key]], None]
_followers: list[Moved] = []
_rows: list[tuple[type[models.Model], models.Q]] = [
    (CareRelation, ~models.Q(basis=CareBasis.WROTE)),
    (Consent, models.Q()),
    (Membership, models.Q()),
    (EmergencyAccess, models.Q()),
    (Request, models.Q()),
]


def on_merged(fn: Moved) -> Moved:
    """Register ``fn(source, target, resources)``: these (type, id) have just gone from one person to the other."""
    _followers.append(fn)
    return fn


def move_with_person(*tables: type[models.Model]) -> None:
    """Let rows of these tables (with ``patient``) go with a person who is merged, and come back with her."""
    _rows.extend((one, models.Q()) for one in tables)


def ask_to_merge(*, kept: str, duplicate: str, reason: str, actor: Actor) -> PersonMerge:
    """Say that two people whom the actor may see are one; nothing changes until somebody else confirms it.

    PermissionDenied for whoever may not; Refused (422) without a reason, (409) if either is part of a merge already: a
    kept record may take in several duplicates, but is none itself.
    """
    _check_actor(actor, kept, duplicate)
    if kept == duplicate or not reason.strip():
        raise refuse(422, "required", "Name two people, and say why they are one.")
    standing = PersonMerge.objects.filter(undone_at__isnull=True)
    ids = [kept, duplicate]
    taken = standing.filter(duplicate__in=ids) | standing.filter(kept=duplicate)
    if taken.exists():
        raise refuse(409, "conflict", "One of them is in another merge already: finish or undo that one first.")
    made = PersonMerge.objects.create(
        kept=kept,
        duplicate=duplicate,
        reason=reason.strip(),
        asked_at=timezone.now(),
        asked_by=actor.id,
        asker_name=actor.name,
    )
    _log(made, "merge-asked", actor)
    return made


@transaction.atomic
def merge_people(*, merge: PersonMerge, actor: Actor) -> PersonMerge:
    """Confirm that two people are one: everything of the duplicate is found with the kept one from now on.

    PermissionDenied for whoever asked. Refused (409) if it was confirmed or given up meanwhile, or if both have an open
    appointment for the same thing, of which one must be cancelled first.
    """
    _check_actor(actor, merge.kept, merge.duplicate)
    if actor.id == merge.asked_by:
        raise PermissionDenied
    merge = PersonMerge.objects.select_for_update().get(pk=merge.pk)
    if merge.merged_at or merge.undone_at:
        raise refuse(409, "conflict", "Somebody else has decided about this merge already.")
    resources = merging.file_under(duplicate=merge.duplicate, kept=merge.kept)
    merge.moved = dict(_move_rows(merge.duplicate, merge.kept))
    _follow(merge.duplicate, merge.kept, resources)
    _link(merge, merged=True)
    merge.merged_at, merge.merged_by, merge.merger_name = timezone.now(), actor.id, actor.name
    merge.save()
    _log(merge, "merge", actor)
    return merge


@transaction.atomic
def unmerge_people(*, merge: PersonMerge, reason: str, actor: Actor) -> PersonMerge:
    """Take a merge back, or give it up before it is confirmed: everything goes to the Patient that its text names.

    What was written since about the kept person stays hers (`written_since`).
    """
    if actor.role not in MERGES or not visible_to(actor).filter(pk=merge.kept).exists():
        raise PermissionDenied
    if not reason.strip():
        raise refuse(422, "required", "Say why they are two people after all.")
    merge = PersonMerge.objects.select_for_update().get(pk=merge.pk)
    if merge.undone_at:
        raise refuse(409, "conflict", "This merge was taken back already.")
    if merge.merged_at:
        resources = merging.file_back(duplicate=merge.duplicate)
        _move_back(merge)
        _follow(merge.kept, merge.duplicate, resources)
        _link(merge, merged=False)
    merge.undone_at, merge.undone_by, merge.undoer_name = timezone.now(), actor.id, actor.name
    merge.undo_reason = reason.strip()
    merge.save()
    _log(merge, "unmerge", actor)
    return merge


def written_since(merge: PersonMerge) -> list[tuple[str, str]]:
    """(type, id) of what was written in the record since the merge, oldest first: whose it is must be looked at."""
    written = Resource.objects.filter(patient__in=[merge.kept, merge.duplicate], last_updated__gt=merge.merged_at)
    return list(written.exclude(type="Patient").order_by("last_updated", "id").values_list("type", "id"))


def _check_actor(actor: Actor, *people: str) -> None:
    if actor.role not in MERGES or visible_to(actor).filter(pk__in=people).count() != len(set(people)):
        raise PermissionDenied


def _follow(source: str, target: str, resources: Sequence[merging.Key]) -> None:
    rebuild_care([source, target])
    for fn in _followers:
        fn(source, target, resources)


def _move_rows(source: str, target: str) -> Iterator[tuple[str, list[Any]]]:
    """Rows of which the target has one of its own already stay where they are, and are seen again after undoing."""
    for model, condition in _rows:
        rows = model._default_manager.filter(condition, patient=source)
        moved = [key for key in rows.order_by("pk").values_list("pk", flat=True) if _moved(model, key, target)]
        if moved:
            yield model._meta.label, moved


def _moved(model: type[models.Model], key: Any, target: str) -> bool:
    try:
        with transaction.atomic():
            return bool(model._default_manager.filter(pk=key).update(patient=target))
    except IntegrityError:
        return False


def _move_back(merge: PersonMerge) -> None:
    for model, _condition in _rows:
        if keys := merge.moved.get(model._meta.label):
            model._default_manager.filter(pk__in=keys, patient=merge.kept).update(patient=merge.duplicate)


def _link(merge: PersonMerge, *, merged: bool) -> None:
    """Both Patients name each other (Patient.link), as the operation Patient/$merge of FHIR R5 has it."""
    written = []
    for id_, other, kind in (
        (merge.duplicate, merge.kept, "replaced-by"),
        (merge.kept, merge.duplicate, "replaces"),
    ):
        patient = json.loads(Resource.objects.get(type="Patient", id=id_).content, parse_float=Decimal)
        link = {"other": {"reference": f"Patient/{other}"}, "type": kind}
        links = [one for one in patient.get("link") or () if one != link] + ([link] if merged else [])
        patient = {key: value for key, value in patient.items() if key != "link"} | ({"link": links} if links else {})
        if id_ == merge.duplicate:
            patient["active"] = not merged
        written.append(store.Draft.of(patient))
    store.save_many(written, actor=_AUTHOR)


def _log(merge: PersonMerge, action: str, actor: Actor) -> None:
    people = Citizen.objects.filter(pk__in=[merge.kept, merge.duplicate]).values_list("pk", flat=True)
    record_access(actor=actor, action=action, patients=people, resource_type="Patient", resource_id=merge.duplicate)
