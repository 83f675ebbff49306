"""States and reasons of messages in words."""

from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext_lazy as _

from screening.models.messages import Message, MessageState

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

KINDS: Final = {
    MessageState.QUEUED: "wait",
    MessageState.SENDING: "wait",
    MessageState.SENT: "good",
    MessageState.FAILED: "urgent",
    MessageState.CANCELLED: "none",
}
REASONS: Final["dict[str, _StrPromise]"] = {
    "no_contact": _("Không có số điện thoại, e-mail hay địa chỉ nào dùng được"),
    "bad_address": _("Địa chỉ này đã được báo là sai"),
    "wrong_number": _("Người nhận báo không phải số của họ"),
    "not_me": _("Người nhận báo không phải họ"),
    "returned": _("Bưu điện trả lại"),
    "invalid_number": _("Số điện thoại không tồn tại"),
    "unknown_subscriber": _("Số điện thoại không tồn tại"),
    "gave_up": _("Đã thử nhiều lần nhưng không gửi được"),
    "declined": _("Người dân không muốn nhận tin"),
    "deceased": _("Người này đã mất"),
    "inactive": _("Hồ sơ không còn dùng"),
    "ceased": _("Đã ngừng hoặc hoãn mời"),
    "not_needed": _("Không còn cần nữa"),
    "failed": _("Đơn vị gửi tin báo không đến nơi"),
    "undelivered": _("Đơn vị gửi tin báo không đến nơi"),
    "expired": _("Máy của người nhận không liên lạc được đến khi tin hết hạn"),
    "rejected": _("Nhà mạng từ chối tin"),
    "too_late": _("Đã qua ngày hẹn"),
    "unreachable": _("Không kết nối được với đơn vị gửi tin"),
    "timeout": _("Đơn vị gửi tin không trả lời"),
}
SOURCES: Final["dict[str, _StrPromise]"] = {
    "provider": _("đơn vị gửi tin"),
    "recipient": _("người nhận"),
    "staff": _("nhân viên y tế"),
}


def reason_words(code: str) -> "_StrPromise | str":
    """Why, for staff; an unknown code of a gateway as it came."""
    return REASONS.get(code, _("Lỗi: %(code)s") % {"code": code}) if code else ""


def mark_of(message: Message) -> str:
    """Colour and shape of a message's state."""
    return KINDS[MessageState(message.state)]
