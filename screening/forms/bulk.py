"""What is asked before something is done for several people, or once for one: to whom, how, why."""

from datetime import date, datetime
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from screening.forms.fields import DayField, LineField, NoteField, offer
from screening.models import ContactOutcome, ContactWay


class AssignForm(forms.Form):
    """To whom; "" gives the steps back to everybody."""

    assignee = forms.ChoiceField(label=_("Giao cho"), required=False)

    def __init__(self, *args: Any, colleagues: list[tuple[int, str]], **options: Any) -> None:
        super().__init__(*args, **options)
        choices = [("", _("Không giao cho ai")), *((str(pk), name) for pk, name in colleagues)]
        offer(self, "assignee", choices)

    def user_id(self) -> int | None:
        """Whom was chosen."""
        chosen = self.cleaned_data["assignee"]
        return int(chosen) if chosen else None


class AssignAllForm(AssignForm):
    """The same for all of a filter. ``count`` is how many were shown: another number is shown anew first."""

    count = forms.IntegerField(widget=forms.HiddenInput)


class ContactForm(forms.Form):
    """One try to reach somebody."""

    way = forms.ChoiceField(label=_("Liên lạc bằng"), choices=ContactWay.choices, widget=forms.RadioSelect)
    outcome = forms.ChoiceField(label=_("Kết quả liên lạc"), choices=ContactOutcome.choices, widget=forms.RadioSelect)
    day = DayField(label=_("Ngày"))
    at = forms.TimeField(
        label=_("Giờ"),
        input_formats=["%H:%M", "%H.%M", "%Hh%M", "%Hh"],
        widget=forms.TimeInput(format="%H:%M", attrs={"inputmode": "numeric", "autocomplete": "off", "size": 6}),
        error_messages={"invalid": _("Giờ phải có dạng giờ:phút, ví dụ 14:30.")},
    )
    note = NoteField(label=_("Ghi chú"))

    def __init__(self, *args: Any, **options: Any) -> None:
        now = timezone.localtime()
        super().__init__(*args, **{"initial": {"day": now.date(), "at": now.time()}} | options)

    def clean(self) -> dict[str, Any]:
        """The moment is not in the future."""
        cleaned = super().clean() or {}
        day, at = cleaned.get("day"), cleaned.get("at")
        if day and at:
            moment = timezone.make_aware(datetime.combine(day, at))
            if moment > timezone.now():
                self.add_error("day", _("Thời điểm này chưa đến."))
            cleaned["contacted_at"] = moment
        return cleaned

    def attempt(self) -> dict[str, Any]:
        """The fields of ``record_contact``."""
        return {name: self.cleaned_data[name] for name in ("contacted_at", "way", "outcome", "note")}


class CloseManyForm(forms.Form):
    """Why the steps of several people are closed; ``on`` is checked for each."""

    reason = forms.ChoiceField(label=_("Lý do"), widget=forms.RadioSelect)
    on = DayField(label=_("Ngày"))
    evidence = LineField(
        label=_("Bằng chứng"),
        required=False,
        max_length=500,
        help_text=_("Giấy tờ nào, của ai, ngày nào. Một số lý do cần có."),
    )
    note = NoteField(label=_("Ghi chú"))

    def __init__(self, *args: Any, reasons: list[tuple[str, str]], **options: Any) -> None:
        super().__init__(*args, **{"initial": {"on": timezone.localdate()}} | options)
        offer(self, "reason", reasons)

    def clean_on(self) -> date:
        """Not in the future."""
        day: date = self.cleaned_data["on"]
        if day > timezone.localdate():
            raise forms.ValidationError(_("Ngày này chưa đến."))
        return day


class WhyForm(forms.Form):
    """A reason in words, for what is out of the ordinary."""

    why = NoteField(label=_("Lý do"), required=True)
