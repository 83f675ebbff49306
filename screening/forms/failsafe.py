"""What an officer says when a step goes to another facility, or a facility is reminded."""

from datetime import date
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from records.models import Facility
from screening.forms.fields import DayField, LineField, NoteField, offer


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


class BatchForm(forms.Form):
    """What is asked for all steps of a filter. ``count`` is how many were shown: another number is shown anew first."""

    count = forms.IntegerField(widget=forms.HiddenInput)


class HandOverBatchForm(BatchForm, HandOverForm):
    """To which facility all of them go, and why."""

    def said(self) -> dict[str, Any]:
        """The fields of ``ask_hand_over``."""
        return {"target": self.cleaned_data["facility"], "note": self.cleaned_data["reason"]}


class CloseBatchForm(BatchForm):
    """Why all of them are closed, and what shows it."""

    reason = forms.ChoiceField(label=_("Lý do"), widget=forms.RadioSelect)
    on = DayField(label=_("Ngày khép lại"))
    evidence = LineField(
        label=_("Bằng chứng"),
        max_length=500,
        help_text=_("Danh sách, biên bản hay quyết định nào, của ai, ngày nào. Được lưu với từng người."),
    )
    note = NoteField(label=_("Ghi chú"))

    def __init__(self, *args: Any, reasons: list[tuple[str, str]], **options: Any) -> None:
        options["initial"] = {"on": timezone.localdate(), **options.get("initial", {})}
        super().__init__(*args, **options)
        offer(self, "reason", reasons)

    def clean_on(self) -> date:
        """Not in the future."""
        day: date = self.cleaned_data["on"]
        if day > timezone.localdate():
            raise forms.ValidationError(_("Ngày này chưa đến."))
        return day

    def said(self) -> dict[str, Any]:
        """The fields of ``ask_closing``."""
        return {name: self.cleaned_data[name] for name in ("reason", "on", "evidence", "note")}
