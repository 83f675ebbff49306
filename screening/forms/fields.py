"""Fields as Vietnamese clinics write in them."""

from collections.abc import Iterable
from datetime import date
from typing import Any, Final, cast

from django import forms
from django.utils.translation import gettext_lazy as _

DAY_FORMS: Final = ("%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y", "%d%m%Y", "%Y-%m-%d")


class DayField(forms.DateField):
    """A calendar day, written dd/mm/yyyy; the slashes may be left out."""

    def __init__(self, **options: Any) -> None:
        widget = forms.DateInput(format="%d/%m/%Y", attrs={"inputmode": "numeric", "autocomplete": "off", "size": 12})
        errors = {
            "required": _("Hãy nhập ngày."),
            "invalid": _("Ngày phải có dạng ngày/tháng/năm, ví dụ 05/11/2026."),
        }
        defaults: dict[str, Any] = {"widget": widget, "input_formats": DAY_FORMS, "error_messages": errors}
        super().__init__(**(defaults | options))


def day_in_address(text: str) -> date | None:
    """A day in an address, as links write it or as people do; None if it is none that anybody could mean."""
    try:
        day: date | None = DayField().clean(text)
    except forms.ValidationError:
        return None
    return day if day and 1900 <= day.year < 2200 else None


class LineField(forms.CharField):
    """One line of text that the browser neither remembers nor corrects."""

    def __init__(self, **options: Any) -> None:
        attrs = {"autocomplete": "off", "spellcheck": "false"} | options.pop("attrs", {})
        defaults: dict[str, Any] = {"widget": forms.TextInput(attrs=attrs), "max_length": 255}
        super().__init__(**(defaults | options))


class NoteField(forms.CharField):
    """A few lines of text."""

    def __init__(self, **options: Any) -> None:
        defaults: dict[str, Any] = {"widget": forms.Textarea(attrs={"rows": 2}), "max_length": 2000, "required": False}
        super().__init__(**(defaults | options))


def offer(form: forms.BaseForm, name: str, choices: Iterable[Any]) -> None:
    """Give one of the form's choice fields what can be chosen, which only its data tell."""
    cast("forms.ChoiceField", form.fields[name]).choices = choices


def chosen_word(form: forms.BaseForm, name: str) -> str:
    """What a valid form's choice is called on the page."""
    choices = cast("Iterable[tuple[str, str]]", cast("forms.ChoiceField", form.fields[name]).choices)
    return str(dict(choices)[form.cleaned_data[name]])
