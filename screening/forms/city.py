"""What the department's overview is narrowed to, as it stands in the address."""

from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from screening.forms.fields import offer
from screening.overview import SORTS, programme_of, test_choices


class MonthField(forms.DateField):
    """A month as the browser's field and the address have it: 2017-03. Where there is no such field: 03/2017."""

    def __init__(self, **options: Any) -> None:
        widget = forms.DateInput(format="%Y-%m", attrs={"type": "month", "placeholder": "2017-03"})
        errors = {"invalid": _("Tháng phải có dạng 03/2017.")}
        super().__init__(
            widget=widget, input_formats=("%Y-%m", "%m/%Y"), error_messages=errors, required=False, **options
        )


class OverviewForm(forms.Form):
    """The test and the months. What cannot be read is told, and left out of the figures."""

    test = forms.ChoiceField(label=_("Chương trình và xét nghiệm"), required=False)
    first = MonthField(label=_("Từ tháng"))
    last = MonthField(label=_("Đến tháng"))
    sort = forms.ChoiceField(choices=[(name, name) for name in SORTS], required=False, widget=forms.HiddenInput)
    order = forms.ChoiceField(choices=[("up", ""), ("down", "")], required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        offer(self, "test", test_choices())

    def clean(self) -> dict[str, Any]:
        """The months in order."""
        data = super().clean() or {}
        if data.get("first") and data.get("last") and data["last"] < data["first"]:
            self.add_error("last", _("Tháng cuối ở trước tháng đầu."))
        return data

    def asked(self) -> dict[str, Any]:
        """The arguments of ``overview.figures``, with what was not understood left out."""
        self.is_valid()
        data = self.cleaned_data
        test = data.get("test") or "fit"
        programme_of(test)
        first: date | None = data.get("first")
        return {"test": test, "first": first, "last": data.get("last")}
