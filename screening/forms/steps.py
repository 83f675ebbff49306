"""Moving a round on: a referral, an assessment, a closing with a coded reason, a result entered in error."""

from datetime import date, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from screening.citizen import here
from screening.forms.fields import DayField, NoteField
from screening.protocol import Protocol
from screening.protocol.shapes import Assessment

LATEST = timedelta(days=366)


class ReferForm(forms.Form):
    """By when somebody should be assessed."""

    due_on = DayField(label=_("Đến khám trước ngày"))
    note = NoteField(label=_("Lời nhắn cho nơi nhận"))

    def clean_due_on(self) -> date:
        """Neither in the past nor, by a slip of the hand, beyond a year."""
        due: date = self.cleaned_data["due_on"]
        today = timezone.localdate()
        if due < today:
            raise forms.ValidationError(_("Ngày hẹn phải từ hôm nay trở đi."))
        if due > today + LATEST:
            raise forms.ValidationError(_("Ngày hẹn phải trong vòng một năm tới."))
        return due


class AssessForm(forms.Form):
    """When the assessment took place, and what it found."""

    done_on = DayField(label=_("Ngày khám"))
    finding = forms.ChoiceField(label=_("Kết luận"), widget=forms.RadioSelect)
    note = NoteField(label=_("Ghi chú"))

    def __init__(self, *args: Any, assessment: Assessment, earliest: date, **options: Any) -> None:
        super().__init__(*args, **{"initial": {"done_on": timezone.localdate()}} | options)
        self.earliest = earliest
        choices = [(key, here(finding.label)) for key, finding in assessment.findings.items()]
        self.fields["finding"].choices = choices  # type: ignore[attr-defined]

    def clean_done_on(self) -> date:
        """Between the sample and today."""
        return _between(self.cleaned_data["done_on"], self.earliest)


class CloseForm(forms.Form):
    """Why a step is closed without its outcome."""

    reason = forms.ChoiceField(label=_("Lý do"), widget=forms.RadioSelect)
    on = DayField(label=_("Ngày"))
    note = NoteField(label=_("Ghi chú"))

    def __init__(self, *args: Any, protocol: Protocol, earliest: date, **options: Any) -> None:
        super().__init__(*args, **{"initial": {"on": timezone.localdate()}} | options)
        self.earliest = earliest
        choices = [(key, here(reason.label)) for key, reason in protocol.reasons.items()]
        self.fields["reason"].choices = choices  # type: ignore[attr-defined]

    def clean_on(self) -> date:
        """Between the sample and today."""
        return _between(self.cleaned_data["on"], self.earliest)


def _between(day: date, earliest: date) -> date:
    if day > timezone.localdate():
        raise forms.ValidationError(_("Ngày này chưa đến."))
    if day < earliest:
        raise forms.ValidationError(_("Ngày này ở trước ngày lấy mẫu."))
    return day
