"""Rows of a file that are not stored: left out with a coded reason, by somebody, at a time; kept, listed, restorable.

A positive that is left out is not forgotten with it: it waits until a second person has looked at it, or its result has
come in another way. So does a row that is wrong, until its mended version is stored or somebody leaves it out.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.utils import timezone
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from healthhub.accounts.actors import Actor
from screening.models import RowState, StagedRow

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

OTHER: Final = "other"
LEFT_AS: Final["dict[str, _StrPromise]"] = {
    "wrong_person": _("Không phải kết quả của người này"),
    "control": _("Mẫu thử hoặc mẫu kiểm chuẩn"),
    "duplicate": _("Trùng với kết quả đã nhập từ phiếu giấy"),
    "wrong_file": _("Tải nhầm tệp"),
    "sent_again": _("Sẽ gửi lại bản đúng"),
    "not_screening": _("Không phải xét nghiệm sàng lọc"),
    OTHER: _("Lý do khác (ghi rõ)"),
}
NOTE: Final = 500  # characters


class NotGiven(Exception):
    """No reason, or one that is none; the message says so in the active language."""


@dataclass(frozen=True, slots=True)
class Leaving:
    """Why rows are left out. Raises NotGiven for a reason that is not known, and for "other" without words."""

    reason: str
    note: str = ""

    def __post_init__(self) -> None:
        if self.reason not in LEFT_AS:
            raise NotGiven(_now("Hãy chọn lý do không lưu."))
        if self.reason == OTHER and not self.note.strip():
            raise NotGiven(_now("Hãy ghi rõ lý do."))

    def fields(self, actor: Actor) -> dict[str, Any]:
        """What a row that is left out says of it; a second look that it had is not one at this."""
        return {
            "left_as": self.reason,
            "left_note": self.note.strip()[:NOTE],
            "left_by": actor.id,
            "left_name": actor.name[:255],
            "left_at": timezone.now(),
        } | _UNSEEN


_UNSEEN: Final = {"seen_by": "", "seen_name": "", "seen_at": None}
NOT_LEFT: Final = {"left_as": "", "left_note": "", "left_by": "", "left_name": "", "left_at": None} | _UNSEEN


def as_kept(leaving: Leaving, actor: Actor) -> dict[str, Any]:
    """The same for ``ImportBatch.leaving``, which is JSON."""
    fields = leaving.fields(actor)
    return {name: fields[name] for name in ("left_as", "left_note", "left_by", "left_name")} | {
        "left_at": fields["left_at"].isoformat()
    }


def leave_rows(found: Iterable[StagedRow], told: dict[str, Any]) -> None:
    """Mark rows as left out by what ``told`` says; those that somebody has left out one by one keep their own reason.

    One statement, whatever their number.
    """
    rows = list(found)
    for one in rows:
        one.state = RowState.LEFT
    rest = [one for one in rows if not one.left_as]
    if rest and told:
        StagedRow.objects.filter(pk__in=[one.pk for one in rest]).update(**told)


def why_left(one: StagedRow) -> str:
    """The reason in words."""
    if not one.left_as:
        return _now("Loại khỏi tệp khi duyệt.")  # before reasons were asked for
    return f"{LEFT_AS.get(one.left_as, one.left_as)}: {one.left_note}" if one.left_note else str(LEFT_AS[one.left_as])
