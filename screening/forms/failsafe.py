"""What an officer says when a step goes to another facility, or a facility is reminded."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from records.models import Facility
from screening.forms.fields import LineField, NoteField


class HandOverForm(forms.Form):
    """To which facility (its code), and why."""

    facility = LineField(label=_("Mã cơ sở nhận"), help_text=_("Mã cơ sở khám chữa bệnh, 5 ký tự."), max_length=5)
    reason = NoteField(label=_("Lý do chuyển"), required=True)

    def clean_facility(self) -> Any:
        """A registered facility that works."""
        code = self.cleaned_data["facility"].strip().upper()
        facility = Facility.objects.filter(code=code, active=True).first()
        if facility is None:
            raise forms.ValidationError(_("Không có cơ sở nào mang mã này."))
        return facility


class RemindForm(forms.Form):
    """What else to say; no names here: the facility sees its own list."""

    text = NoteField(label=_("Lời nhắn"), max_length=1000, help_text=_("Không ghi tên hay kết quả của ai."))
