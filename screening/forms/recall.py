"""Decisions not to call somebody, places of a day, and what the page of the books is narrowed to."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from screening.citizen import here
from screening.forms.fields import DayField, NoteField, offer
from screening.models import DecisionKind
from screening.protocol import current, programmes
from screening.recall.reading import LONGEST_DEFERRAL, LONGEST_REVIEW
from screening.recall.reasons import REASONS

WEEKDAYS = (_("Thứ Hai"), _("Thứ Ba"), _("Thứ Tư"), _("Thứ Năm"), _("Thứ Sáu"), _("Thứ Bảy"), _("Chủ Nhật"))


class DecisionForm(forms.Form):
    """Why somebody is not called, until when, and on what evidence; the fields depend on the kind."""

    reason = forms.ChoiceField(label=_("Lý do"), widget=forms.RadioSelect)
    ends_on = DayField(label=_("Đến ngày"))
    evidence = NoteField(label=_("Ghi chú"))

    def __init__(self, *args: Any, kind: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self.kind = kind
        offer(self, "reason", [(key, here(text)) for key, text in REASONS[kind].items()])
        if kind == DecisionKind.OPT_OUT:
            del self.fields["ends_on"]
        if kind == DecisionKind.CEASE:
            self.fields["ends_on"].label = _("Xem lại quyết định vào ngày")
            self.fields["evidence"].label = _("Bằng chứng (giấy tờ, kết quả, ngày)")
            self.fields["evidence"].required = True

    def clean_ends_on(self) -> date:
        """After today, and not so far that it would be forgotten."""
        day: date = self.cleaned_data["ends_on"]
        today = timezone.localdate()
        longest: timedelta = LONGEST_REVIEW if self.kind == DecisionKind.CEASE else LONGEST_DEFERRAL
        if day <= today:
            raise forms.ValidationError(_("Ngày này phải sau hôm nay."))
        if day > today + longest:
            raise forms.ValidationError(
                _("Muộn nhất là ngày %(day)s.") % {"day": f"{today + longest:%d/%m/%Y}"}, code="late"
            )
        return day


class UndoForm(forms.Form):
    """Why a decision is undone."""

    note = NoteField(label=_("Ghi chú"))


class WithdrawalForm(forms.Form):
    """Why what excludes somebody was recorded by mistake."""

    note = NoteField(label=_("Vì sao biết là ghi nhầm"))

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["note"].required = True


class BooksForm(forms.Form):
    """The programme whose books are shown, and one place of the city."""

    programme = forms.ChoiceField(label=_("Chương trình"), required=False)
    place = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        offer(self, "programme", [(key, here(current(key).name)) for key in programmes()])

    def asked(self) -> dict[str, Any]:
        """What was understood; "" without a programme."""
        self.is_valid()
        data = self.cleaned_data
        return {"programme": data.get("programme") or "", "place": data.get("place")}


class PlacesForm(forms.Form):
    """How many people can be invited on each weekday."""

    def __init__(self, *args: Any, places: Sequence[int], **options: Any) -> None:
        super().__init__(*args, **options)
        for weekday, (name, known) in enumerate(zip(WEEKDAYS, places, strict=True)):
            self.fields[f"day{weekday}"] = forms.IntegerField(
                label=name, min_value=0, max_value=10_000, initial=known, widget=forms.NumberInput(attrs={"size": 6})
            )

    def chosen(self) -> list[int]:
        """Places from Monday to Sunday."""
        return [self.cleaned_data[f"day{weekday}"] for weekday in range(7)]
