"""Opening a record in an emergency."""

from django import forms
from django.utils.translation import gettext_lazy as _

from records.models import EmergencyReason
from screening.forms.fields import LineField, NoteField
from screening.forms.people import parse_number


class EmergencyForm(forms.Form):
    """Why the record must be opened now."""

    reason = forms.ChoiceField(
        label=_("Vì sao phải mở ngay?"),
        help_text=_("Người bệnh đọc được lý do này."),
        choices=EmergencyReason.choices,
        widget=forms.RadioSelect,
        error_messages={"required": _("Hãy chọn một mục.")},
    )
    told = NoteField(
        label=_("Chuyện gì đang xảy ra"),
        help_text=_("Chỉ cán bộ kiểm tra đọc. Ví dụ: cấp cứu 115 đưa đến, hôn mê, cần biết thuốc đang dùng."),
        required=True,
        min_length=10,
        error_messages={"required": _("Hãy viết vài chữ về tình huống này.")},
    )


class NumberedEmergencyForm(EmergencyForm):
    """The same for somebody of whom the number is known."""

    number = LineField(
        label=_("Số căn cước hoặc số thẻ bảo hiểm y tế"),
        help_text=_("Phải đủ và đúng từng chữ số: mở nhầm người cũng được ghi lại và báo cho người đó."),
        max_length=40,
    )
    field_order = ("number", "reason", "told")

    def clean_number(self) -> str:
        """Only the shape: whether somebody has this number is asked when it is opened, and logged."""
        return parse_number(self.cleaned_data["number"]).value
