"""Short texts that several of the clinic's pages share."""

from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from screening.protocol import INADEQUATE, NEGATIVE, POSITIVE, UNCLASSIFIED

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

SOON_DAYS: Final = 7

#: outcome -> (kind of state, word). A result itself is never "urgent": only being late is.
OUTCOME_WORDS: Final["dict[str, tuple[str, _StrPromise]]"] = {
    POSITIVE: ("act", gettext_lazy("Dương tính")),
    NEGATIVE: ("good", gettext_lazy("Âm tính")),
    INADEQUATE: ("wait", gettext_lazy("Mẫu không đạt")),
    UNCLASSIFIED: ("wait", gettext_lazy("Chưa đọc được")),
}


def due_in_words(days: int) -> str:
    """How far away a due date is: "quá hạn 12 ngày", "hôm nay", "còn 5 ngày"."""
    if days <= -2 * 365:
        years = -days // 365
        return ngettext("quá hạn %(years)d năm", "quá hạn %(years)d năm", years) % {"years": years}
    if days < 0:
        return ngettext("quá hạn %(days)d ngày", "quá hạn %(days)d ngày", -days) % {"days": -days}
    if days == 0:
        return _("hôm nay")
    if days == 1:
        return _("ngày mai")
    return ngettext("còn %(days)d ngày", "còn %(days)d ngày", days) % {"days": days}


def days_in_words(days: int) -> str:
    """How long something has lasted: "12 ngày", or whole years from two on, as in :func:`due_in_words`."""
    if days >= 2 * 365:
        years = days // 365
        return ngettext("%(years)d năm", "%(years)d năm", years) % {"years": years}
    return ngettext("%(days)d ngày", "%(days)d ngày", days) % {"days": days}


def due_kind(days: int) -> str:
    """The kind of state that goes with a due date."""
    return "urgent" if days < 0 else "act" if days < SOON_DAYS else "wait"
