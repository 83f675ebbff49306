"""Form controls with the component library's classes, and small helpers of the components."""

from collections.abc import Iterable

from django import template
from django.forms import BoundField, CheckboxInput, FileInput, Select, Textarea
from django.forms.boundfield import BoundWidget
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

register = template.Library()


def _css_class(field: BoundField) -> str:
    widget = field.field.widget
    if isinstance(widget, CheckboxInput):
        return "nhsuk-checkboxes__input"
    if isinstance(widget, FileInput):
        return "nhsuk-file-upload"
    name = "select" if isinstance(widget, Select) else "textarea" if isinstance(widget, Textarea) else "input"
    return f"nhsuk-{name} nhsuk-{name}--error" if field.errors else f"nhsuk-{name}"


@register.filter
def control(field: BoundField) -> SafeString:
    """The field's control; its hint and its error are tied to it by Django.

    Without a placeholder: that vanishes when it is needed, while label and hint stay in view.
    """
    own = field.field.widget.attrs.get("class", "")
    return field.as_widget(attrs={"class": f"{_css_class(field)} {own}".strip(), "placeholder": False})


@register.filter
def option_input(option: BoundWidget) -> SafeString:
    """One radio button or checkbox of a group, without its label."""
    group = "radios" if option.data["type"] == "radio" else "checkboxes"
    option.data["attrs"]["class"] = f"nhsuk-{group}__input"
    return option.tag(wrap_label=False)


@register.filter
def is_checkbox(field: BoundField) -> bool:
    """Whether the field is one box to tick."""
    return isinstance(field.field.widget, CheckboxInput)


@register.simple_tag
def options(choices: Iterable[tuple[str, str]], chosen: str = "") -> SafeString:
    """The options of a list. A loop of the template takes half as long again for hundreds of units."""
    rows = ((value, " selected" if value == chosen else "", words) for value, words in choices)
    return format_html_join("\n", '<option value="{}"{}>{}</option>', rows)
