"""Accesses to a record in the words of the person whose record it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby

from django.utils.translation import gettext as _

from healthhub.accounts.actors import Actor
from healthhub.web.context import role_name
from records.profile import Look


@dataclass(frozen=True, slots=True)
class LookLine:
    """One person or machine on one day: "BS Nguyễn Thu Hà", "Nhân viên y tế · Trạm Y tế …", "xem, cập nhật"."""

    who: str
    where: str
    what: str
    last_at: datetime
    times: int
    own: bool
    emergency: bool


@dataclass(frozen=True, slots=True)
class Day:
    """One day of looks, the latest first."""

    day: date
    lines: list[LookLine]


def days_of(looks: Sequence[Look], *, actor: Actor) -> list[Day]:
    """The looks (newest first) by day, in the reader's language."""
    by_day = groupby(sorted(looks, key=lambda look: (look.day, look.last_at), reverse=True), key=lambda look: look.day)
    return [Day(day, [_line(look, actor) for look in group]) for day, group in by_day]


def _line(look: Look, actor: Actor) -> LookLine:
    own = look.actor == actor.id
    role = "" if own else role_name(look.role)
    who = _("Bạn") if own else look.name or role
    return LookLine(
        who=who,
        where=" · ".join(part for part in (role if role != who else "", look.facility) if part and part != who),
        what=_actions(look.actions),
        last_at=look.last_at,
        times=look.times,
        own=own,
        emergency=look.emergency,
    )


def _actions(actions: Sequence[str]) -> str:
    """What was done, in words: several ways of reading are one to the person concerned."""
    words = {
        "view": _("xem hồ sơ"),
        "read": _("xem hồ sơ"),
        "vread": _("xem hồ sơ"),
        "search": _("xem hồ sơ"),
        "history": _("xem hồ sơ"),
        "find": _("tìm người"),
        "create": _("ghi thông tin mới"),
        "update": _("cập nhật thông tin"),
        "delete": _("xóa thông tin"),
        "export": _("tải xuống"),
        "ask": _("gửi yêu cầu về hồ sơ"),
        "answer": _("trả lời yêu cầu về hồ sơ"),
        "withdraw": _("rút lại yêu cầu"),
        "print": _("in"),
        "emergency": _("mở hồ sơ trong trường hợp khẩn cấp"),
        "emergency-refused": _("muốn mở hồ sơ khẩn cấp, bị từ chối"),
        "emergency-end": _("đóng hồ sơ đã mở khẩn cấp"),
        "emergency-review": _("kiểm tra một lần mở khẩn cấp"),
        "register": _("đăng ký"),
        "refused": _("bị từ chối"),
        "sign-in": _("đăng nhập"),
        "sign-in-refused": _("từ chối một lần đăng nhập"),
        "sign-out": _("đăng xuất"),
    }
    return ", ".join(dict.fromkeys(words.get(action, action) for action in actions))
