"""Uploading a file of results."""

from typing import Any, Final

from django import forms
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

LARGEST: Final = 25 * 1024 * 1024
KINDS: Final = (".csv", ".tsv", ".txt", ".xlsx")


class UploadForm(forms.Form):
    """A CSV or XLSX file; what is in it is judged when it is read."""

    file = forms.FileField(
        label=_("Tệp kết quả"),
        help_text=_("CSV hoặc Excel (.xlsx), tối đa 25 MB."),
        widget=forms.ClearableFileInput(attrs={"accept": ",".join(KINDS)}),
        error_messages={
            "required": _("Hãy chọn một tệp."),
            "empty": _("Tệp không có nội dung nào."),
            "max_length": _("Tên tệp quá dài."),
        },
        max_length=200,
    )

    def clean_file(self) -> Any:
        """The size and the kind, by name."""
        file = self.cleaned_data["file"]
        name = file.name.lower()
        if file.size > LARGEST:
            size = filesizeformat(file.size)
            raise forms.ValidationError(
                _now("Tệp quá lớn (%(size)s). Hãy chia thành nhiều tệp dưới 25 MB.") % {"size": size}
            )
        if name.endswith(".xls"):
            raise forms.ValidationError(
                _("Đây là tệp Excel kiểu cũ (.xls). Hãy lưu lại thành .xlsx hoặc CSV rồi tải lên.")
            )
        if not name.endswith(KINDS):
            raise forms.ValidationError(_("Chỉ nhận tệp CSV hoặc Excel (.xlsx)."))
        return file
