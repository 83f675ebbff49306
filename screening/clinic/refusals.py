"""A refusal of the store, whose texts are for programmers, as a person at a form reads it."""

from typing import NamedTuple

from django.utils.translation import gettext as _

from fhir.outcomes import Refused
from screening.laboratory.readers import READER


class Fault(NamedTuple):
    """``field`` of the form, None for the form as a whole."""

    field: str | None
    text: str


_FIELDS = {
    "Observation.specimen": "specimen_id",
    "Observation.effective": "collected_on",
    "Observation.value": "value",
    "Observation.valueQuantity.unit": "unit",
}


def hiding_cutoff() -> str:
    """What to do about a cut-off of one's own by which a positive would be none: it is never saved."""
    return _("Ngưỡng này che mất một kết quả dương tính nên không lưu được. Hãy để trống ngưỡng hoặc chọn đúng bộ kit.")


def faults_of(refused: Refused) -> list[Fault]:
    """What was refused, in the reader's language where we know the reason, else with the store's own sentence."""
    if refused.status == 412:
        return [Fault(None, _("Có người vừa sửa kết quả này. Hãy mở lại trang và xem bản mới nhất trước khi sửa."))]
    faults = []
    for issue in refused.issues:
        if issue.severity not in ("error", "fatal"):
            continue
        field = next((name for path, name in _FIELDS.items() if issue.expression.startswith(path)), None)
        if issue.code == "duplicate":
            faults.append(
                Fault("specimen_id", _("Mẫu này của cơ sở đã có kết quả xét nghiệm này. Hãy sửa kết quả đó."))
            )
        elif issue.code == "business-rule" and issue.expression.endswith("referenceRange[0].high"):
            faults.append(Fault("cutoff", hiding_cutoff()))
        elif issue.code == "forbidden" and issue.expression == READER:
            faults.append(Fault(None, _("Bạn đã đọc phim này. Lần đọc này phải do một bác sĩ khác thực hiện.")))
        elif issue.code == "forbidden":
            faults.append(Fault(None, _("Cơ sở của bạn không được ghi điều này: chỉ cơ sở đã nhập mới được sửa.")))
        elif issue.code == "conflict" and issue.expression == "known":
            told = _("Người này vừa có kết quả, giấy giới thiệu hoặc lần khám mới. Hãy xem lại hồ sơ rồi đề nghị lại.")
            faults.append(Fault(None, told))
        elif issue.code == "conflict":
            faults.append(Fault(None, _("Có người vừa ghi cùng một điều. Hãy tải lại trang rồi thử lại.")))
        else:
            faults.append(Fault(field, _("Hệ thống không nhận: %(reason)s") % {"reason": issue.diagnostics}))
    return list(dict.fromkeys(faults))
