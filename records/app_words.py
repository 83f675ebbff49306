"""What an app asks for, said so that whoever is asked understands it."""

from urllib.parse import parse_qsl

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from healthhub.accounts.oauth.scopes import Scope, is_data, parse

_TYPES = {
    "*": gettext_lazy("toàn bộ hồ sơ sức khỏe"),
    "AllergyIntolerance": gettext_lazy("dị ứng"),
    "AuditEvent": gettext_lazy("ai đã xem hồ sơ"),
    "Appointment": gettext_lazy("lịch hẹn"),
    "Condition": gettext_lazy("chẩn đoán và bệnh"),
    "DiagnosticReport": gettext_lazy("phiếu kết quả"),
    "DocumentReference": gettext_lazy("giấy tờ và tài liệu"),
    "Encounter": gettext_lazy("các lần khám"),
    "Immunization": gettext_lazy("tiêm chủng"),
    "MedicationRequest": gettext_lazy("đơn thuốc"),
    "MedicationStatement": gettext_lazy("thuốc đang dùng"),
    "Observation": gettext_lazy("kết quả xét nghiệm và chỉ số sức khỏe"),
    "Organization": gettext_lazy("danh bạ cơ sở y tế"),
    "Patient": gettext_lazy("họ tên, ngày sinh, giới tính, số giấy tờ và địa chỉ"),
    "Practitioner": gettext_lazy("danh bạ nhân viên y tế"),
    "Procedure": gettext_lazy("thủ thuật và phẫu thuật"),
    "ServiceRequest": gettext_lazy("chỉ định và giấy giới thiệu"),
}
_NARROWER = {
    "laboratory": gettext_lazy("chỉ kết quả xét nghiệm"),
    "vital-signs": gettext_lazy("chỉ dấu hiệu sinh tồn như huyết áp, cân nặng"),
    "social-history": gettext_lazy("chỉ lối sống"),
    "imaging": gettext_lazy("chỉ chẩn đoán hình ảnh"),
    "survey": gettext_lazy("chỉ phiếu hỏi"),
}
_OTHERS = {
    "openid": gettext_lazy("Biết bạn là ai: một số nhận dạng riêng của bạn ở đây"),
    "fhirUser": gettext_lazy("Biết bạn là ai: tên của bạn ở đây"),
    "profile": gettext_lazy("Biết bạn là ai: tên của bạn ở đây"),
    "offline_access": gettext_lazy("Tiếp tục được vào trong 90 ngày, kể cả khi bạn không mở ứng dụng"),
    "online_access": gettext_lazy("Tiếp tục được vào đến hết buổi làm việc này (8 giờ)"),
}


def meaning(text: str) -> str:
    """One scope in words; empty for those that let an app do nothing by themselves."""
    if not is_data(text):
        return str(_OTHERS.get(text, ""))
    scope = parse(text)
    what = str(_TYPES.get(scope.type) or _("dữ liệu loại {type}").format(type=scope.type))
    if narrower := _narrowed(scope):
        what = f"{what} ({narrower})"
    return _("{verbs}: {what}").format(verbs=_verbs(scope), what=what)


def _verbs(scope: Scope) -> str:
    said = [
        _("Xem") if scope.actions & {"r", "s"} else "",
        _("Thêm") if "c" in scope.actions else "",
        _("Sửa") if "u" in scope.actions else "",
        _("Xóa") if "d" in scope.actions else "",
    ]
    first, *rest = [word for word in said if word]
    return ", ".join([first, *(word.lower() for word in rest)])


def _narrowed(scope: Scope) -> str:
    parts = []
    for name, value in parse_qsl(scope.search):
        code = value.rpartition("|")[2]
        known = _NARROWER.get(code) if name == "category" else None
        parts.append(str(known) if known else _("chỉ {name} là {value}").format(name=name, value=code))
    return "; ".join(parts)
