"""A refusal of the rules, whose texts are for programmers, as a person at a page reads it."""

from django.utils.translation import gettext as _

from fhir.outcomes import Refused


def told(refused: Refused) -> str:
    """One sentence: what happened, and what to do."""
    issue = refused.issues[0]
    if refused.status == 412:
        return _("Có người vừa thay đổi lịch hẹn này. Hãy xem lại rồi làm lại.")
    if issue.code == "conflict" and issue.expression.startswith("Appointment.slot"):
        return _("Chỗ này vừa hết. Hãy chọn giờ khác, hoặc xếp vào danh sách chờ.")
    if issue.code == "duplicate":
        return _("Người này đã có lịch hẹn hoặc đang chờ chỗ cho việc này. Hãy đổi lịch đó.")
    if issue.code == "too-late":
        return _("Đã quá gần giờ hẹn để tự đổi hoặc hủy. Hãy gọi điện cho cơ sở y tế.")
    if issue.code == "forbidden":
        return _("Buổi này không mở cho bạn đặt, hoặc không phải của cơ sở bạn.")
    if issue.code == "conflict":
        return _("Có người vừa làm cùng việc này. Hãy xem lại rồi thử lại.")
    if issue.expression == "Appointment.participant":
        return _("Không thể hẹn cho người này: hồ sơ ghi người này đã mất.")
    if issue.expression.startswith("Appointment.slot"):
        return _("Giờ này đã đóng hoặc buổi đã hủy. Hãy chọn giờ khác.")
    if issue.expression == "Appointment.start":
        return _("Giờ này đã qua. Hãy chọn giờ khác.")
    if issue.expression == "Appointment.status":
        return _("Chưa thể ghi như vậy: chưa đến giờ hẹn, hoặc lịch hẹn đã kết thúc.")
    return _("Hệ thống không nhận: %(reason)s") % {"reason": issue.diagnostics}
