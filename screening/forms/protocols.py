"""Uploading a version of a protocol, and putting it in force."""

from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _

from screening.forms.fields import DayField

LARGEST: Final = 1024 * 1024


class ProtocolUploadForm(forms.Form):
    """A TOML file in UTF-8; ``text`` is what is in it. What it says is judged by the check."""

    file = forms.FileField(
        label=_("Tệp quy trình"),
        help_text=_("Tệp .toml, tối đa 1 MB. Có thể bắt đầu từ tệp của bản đang có hiệu lực."),
        widget=forms.ClearableFileInput(attrs={"accept": ".toml"}),
        error_messages={"required": _("Hãy chọn một tệp."), "empty": _("Tệp không có nội dung nào.")},
    )

    def clean_file(self) -> Any:
        """The size and the characters."""
        file = self.cleaned_data["file"]
        if file.size > LARGEST:
            raise forms.ValidationError(_("Tệp quá lớn: quy trình chỉ dài vài chục KB."))
        try:
            self.cleaned_data["text"] = file.read().decode("utf-8")
        except UnicodeDecodeError:
            raise forms.ValidationError(_("Tệp không phải văn bản UTF-8.")) from None
        return file

    @property
    def text(self) -> str:
        """The file's text; only of a valid form."""
        text: str = self.cleaned_data["text"]
        return text


class DryRunForm(forms.Form):
    """The day for which to run on paper."""

    on = DayField(label=_("Tính cho ngày"), required=False)


class ActivationForm(forms.Form):
    """The day from which a version is in force."""

    valid_from = DayField(label=_("Có hiệu lực từ ngày"))
