"""Moving a round on: a referral, an assessment, a closing with a coded reason, a result entered in error."""

import re
from datetime import date, timedelta
from typing import Any, Final

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from screening.citizen import here
from screening.clinic.tracker import following_steps
from screening.failsafe.closing import needs_evidence, needs_second
from screening.forms.fields import DayField, LineField, NoteField, offer
from screening.protocol import Protocol
from screening.protocol.shapes import REPORT, STAGING, Assessment, Reason

LATEST = timedelta(days=366)
#: As UICC writes them, with the prefix of how it is known (c, p, y, r, a) if there is one.
_TNM: Final = {
    "t": re.compile(r"[cpyra]{0,2}T(X|0|is|[1-4][a-d]?[12]?)"),
    "n": re.compile(r"[cpyra]{0,2}N(X|[0-3][a-c]?)"),
    "m": re.compile(r"[cpyra]{0,2}M(0|1[a-d]?)"),
}


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
    """When an assessment took place and what it found; each finding says what follows it.

    Made from the protocol's assessment: a report has a day on which it came, a staging T, N and M instead of a finding.
    """

    done_on = DayField(label=_("Ngày khám"))
    reported_on = DayField(label=_("Ngày trả lời"), required=False)
    finding = forms.ChoiceField(label=_("Kết luận"), widget=forms.RadioSelect)
    t = LineField(label="T", max_length=6, required=False, help_text=_("TX, T0, Tis, T1 đến T4, thêm a–d nếu có"))
    n = LineField(label="N", max_length=6, required=False, help_text=_("NX, N0 đến N3, thêm a–c nếu có"))
    m = LineField(label="M", max_length=6, required=False, help_text=_("M0 hoặc M1, thêm a–c nếu có"))
    note = NoteField(label=_("Ghi chú"))

    def __init__(self, *args: Any, assessment: Assessment, protocol: Protocol, earliest: date, **options: Any) -> None:
        super().__init__(*args, **{"initial": {"done_on": timezone.localdate()}} | options)
        self.earliest, self.assessment = earliest, assessment
        then = dict(zip(assessment.findings, following_steps(protocol, assessment.key), strict=True))
        if len(assessment.findings) == 1:
            del self.fields["finding"]
        else:
            choices = [(key, f"{label} → {following}") for key, (label, following) in then.items()]
            offer(self, "finding", choices)
        if assessment.kind != REPORT:
            del self.fields["reported_on"]
        for part in _TNM:
            if assessment.kind != STAGING:
                del self.fields[part]
        self.following = next(iter(then.values()))[1] if len(then) == 1 else ""

    def clean_done_on(self) -> date:
        """Between the sample and today."""
        return _between(self.cleaned_data["done_on"], self.earliest)

    def clean(self) -> dict[str, Any]:
        """A report comes after what it is about; T, N and M are written as the classification writes them."""
        cleaned = super().clean() or {}
        done, reported = cleaned.get("done_on"), cleaned.get("reported_on")
        if done and reported and not done <= reported <= timezone.localdate():
            self.add_error("reported_on", _("Ngày trả lời phải từ ngày khám đến hôm nay."))
        for part, shape in _TNM.items():
            if part in self.fields and (text := cleaned.get(part)):
                letter = part.upper()
                value = text if letter in text else letter + text
                if shape.fullmatch(value):
                    cleaned[part] = value
                else:
                    self.add_error(part, _("Chưa đúng cách ghi %(part)s.") % {"part": letter})
        if "t" in self.fields and not self.errors and not any(cleaned.get(part) for part in _TNM):
            self.add_error("t", _("Hãy ghi ít nhất T, N hoặc M."))
        return cleaned

    def assessed(self) -> dict[str, Any]:
        """The fields of ``record_assessment``."""
        said = self.cleaned_data
        return {
            "assessment": self.assessment.key,
            "finding": said.get("finding") or next(iter(self.assessment.findings)),
            "done_on": said["done_on"],
            "reported_on": said.get("reported_on"),
            "note": said["note"],
            "tnm": {part: said[part] for part in _TNM if said.get(part)},
        }


class CloseForm(forms.Form):
    """Why a step is closed without its outcome; some reasons need evidence, some a second person.

    ``known`` is the mark of what was known of the round when the form was shown, see ``marks``.
    """

    known = forms.CharField(required=False, max_length=32, widget=forms.HiddenInput)
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
        super().__init__(*args, **options)
        self.initial.setdefault("on", timezone.localdate())
        self.earliest, self.reasons = earliest, protocol.reasons
        choices = [(key, _labelled(reason)) for key, reason in protocol.reasons.items()]
        offer(self, "reason", choices)

    def clean_on(self) -> date:
        """Between the sample and today."""
        return _between(self.cleaned_data["on"], self.earliest)

    def clean_known(self) -> str | None:
        """None if nothing was shown: then it is about what is known now."""
        return self.cleaned_data["known"] or None

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
