"""Moving a round on: a referral, an assessment, a closing with a coded reason, a result entered in error."""

from datetime import date, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from screening.citizen import here
from screening.failsafe.closing import needs_evidence, needs_second
from screening.forms.fields import DayField, LineField, NoteField
from screening.protocol import Protocol
from screening.protocol.shapes import Assessment, Reason

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
    """Why a step is closed without its outcome; some reasons need evidence, some a second person."""

    reason = forms.ChoiceField(label=_("Lý do"), widget=forms.RadioSelect)
    on = DayField(label=_("Ngày"))
    evidence = LineField(
        label=_("Bằng chứng"),
        required=False,
        max_length=500,
        help_text=_("Giấy tờ nào, của ai, ngày nào. Cần có với lý do ghi “cần giấy tờ”."),
    )
    note = NoteField(label=_("Ghi chú"))

    def __init__(self, *args: Any, protocol: Protocol, earliest: date, **options: Any) -> None:
        super().__init__(*args, **{"initial": {"on": timezone.localdate()}} | options)
        self.earliest, self.reasons = earliest, protocol.reasons
        choices = [(key, _labelled(reason)) for key, reason in protocol.reasons.items()]
        self.fields["reason"].choices = choices  # type: ignore[attr-defined]

    def clean_on(self) -> date:
        """Between the sample and today."""
        return _between(self.cleaned_data["on"], self.earliest)

    def clean(self) -> dict[str, Any]:
        """A reason that needs evidence has it."""
        cleaned = super().clean() or {}
        reason = self.reasons.get(cleaned.get("reason", ""))
        if reason and needs_evidence(reason) and not cleaned.get("evidence", "").strip():
            self.add_error("evidence", _("Lý do này cần giấy tờ: hãy ghi giấy tờ nào."))
        return cleaned


def _labelled(reason: Reason) -> str:
    needs = []
    if needs_evidence(reason):
        needs.append(_("cần giấy tờ"))
    if needs_second(reason):
        needs.append(_("cần người thứ hai xác nhận"))
    label = here(reason.label)
    return f"{label} ({', '.join(str(need) for need in needs)})" if needs else label


def _between(day: date, earliest: date) -> date:
    if day > timezone.localdate():
        raise forms.ValidationError(_("Ngày này chưa đến."))
    if day < earliest:
        raise forms.ValidationError(_("Ngày này ở trước ngày lấy mẫu."))
    return day
