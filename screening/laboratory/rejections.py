"""Why samples are rejected, and what that says about the person: the sample must be taken again."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from fhir.hooks import Change
from fhir.store import save
from healthhub.accounts.actors import Actor
from records.models import Facility
from screening.facts import ZONE
from screening.models import ScreeningResult, Specimen
from screening.protocol import INADEQUATE
from screening.results import build_result, known_test, withdraw_result

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

#: The local code is ``rejected-<key>``.
REJECTIONS: Final["dict[str, _StrPromise]"] = {
    "unlabelled": _("Không có nhãn hoặc nhãn không đọc được"),
    "mismatch": _("Nhãn và phiếu không cùng một người"),
    "leaked": _("Rò rỉ hoặc vỡ"),
    "insufficient": _("Không đủ lượng mẫu"),
    "excess": _("Quá nhiều mẫu, không đo được"),
    "too_old": _("Quá thời gian bảo quản"),
    "temperature": _("Bảo quản sai nhiệt độ"),
    "kit_expired": _("Bộ kit đã hết hạn"),
    "wrong_tube": _("Sai loại ống hoặc môi trường"),
    "failed": _("Máy không đọc được sau khi chạy lại"),
    "other": _("Lý do khác"),
}
ENGLISH: Final = {
    "unlabelled": "No label, or it cannot be read",
    "mismatch": "Label and form name different people",
    "leaked": "Leaked or broken",
    "insufficient": "Not enough of it",
    "excess": "Too much of it to be measured",
    "too_old": "Kept too long",
    "temperature": "Kept at the wrong temperature",
    "kit_expired": "The kit had expired",
    "wrong_tube": "Wrong tube or medium",
    "failed": "The analyser failed, and again when repeated",
    "other": "Another reason",
}


def inadequate_category(test: str) -> str | None:
    """The category of the test that says the sample was not fit; None if the protocol has none."""
    rule = known_test(test, timezone.localdate())[1]
    return next((key for key, found in rule.categories.items() if found.outcome == INADEQUATE), None)


def follow_rejections(specimens: Sequence[str], changes: Sequence[Change], *, actor: Actor) -> None:
    """Enter an inadequate result for each sample that is now unsatisfactory, and take it back if it no longer is."""
    was_rejected = {change.id for change in changes if (change.previous or {}).get("status") == "unsatisfactory"}
    rows = Specimen.objects.filter(pk__in=specimens).exclude(test="")
    for row in rows.select_related("facility"):
        if row.status == "unsatisfactory":
            _enter(row, actor)
        elif row.pk in was_rejected:
            _take_back(row, actor)


def _enter(row: Specimen, actor: Actor) -> None:
    category, facility = inadequate_category(row.test), row.facility
    if category is None or facility is None or _held(row) is not None:
        return
    received = row.received_at.astimezone(ZONE).date() if row.received_at else timezone.localdate()
    collected = min(row.collected_on or received, timezone.localdate())
    resource = build_result(
        facility=facility,
        patient_id=row.patient_id,
        test=row.test,
        value=category,
        collected_on=collected,
        resulted_on=max(collected, timezone.localdate()),
        specimen_id=row.barcode,
        note=ENGLISH.get(row.reason, ""),
    )
    # final even where readings need a second person: whether a tube is fit is not read off a scale
    save(resource, actor=actor, facility=facility.pk if actor.is_system else None)


def _take_back(row: Specimen, actor: Actor) -> None:
    held = _held(row)
    if held is not None and held.outcome == INADEQUATE:
        withdraw_result(observation_id=held.observation_id, actor=actor)


def _held(row: Specimen) -> ScreeningResult | None:
    facility: Facility | None = row.facility
    return ScreeningResult.objects.filter(facility=facility, specimen_id=row.barcode, test=row.test).first()
