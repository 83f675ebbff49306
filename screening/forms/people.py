"""Finding, presenting and registering a person."""

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from records.areas import areas_in_force
from records.identifiers import LABELS, Identifier, Malformed, parse_cccd, parse_insurance_number, parse_phone
from records.identity import SEXES
from records.models import AreaKind
from screening.forms.fields import DayField, LineField, offer

_QUIET = {"demo-number"}


class FindForm(forms.Form):
    """One box for everything by which people are known."""

    query = LineField(
        label=_("Tên, số định danh, thẻ bảo hiểm, điện thoại hoặc ngày sinh"),
        help_text=_("Ví dụ: nguyen van duc, nguyen duc 1960, 12/03/1960 hoặc 12 chữ số căn cước. Không cần gõ dấu."),
        required=False,
        attrs={"inputmode": "search", "autofocus": True},
    )


class PresentForm(forms.Form):
    """What somebody at the desk shows: a number and the birth date."""

    number = LineField(
        label=_("Số căn cước hoặc số thẻ bảo hiểm y tế"),
        help_text=_("Đúng như trên giấy tờ người đó đưa ra."),
        max_length=40,
        attrs={"autofocus": True},
    )
    birth_date = DayField(label=_("Ngày sinh"), help_text=_("ngày/tháng/năm"))

    def clean_number(self) -> str:
        """Only the shape: whether somebody has this number is asked with the birth date."""
        return parse_number(self.cleaned_data["number"]).value


class RegisterForm(forms.Form):
    """Who somebody is. What is odd is a warning; only what cannot be is refused."""

    full_name = LineField(
        label=_("Họ và tên"), error_messages={"required": _("Hãy nhập họ và tên.")}, attrs={"autocapitalize": "words"}
    )
    birth_date = DayField(label=_("Ngày sinh"), help_text=_("ngày/tháng/năm"))
    sex = forms.ChoiceField(
        label=_("Giới tính"),
        choices=list(SEXES.items()),
        widget=forms.RadioSelect,
        error_messages={"required": _("Hãy chọn một mục.")},
    )
    cccd = LineField(
        label=_("Số căn cước"),
        help_text=_("12 chữ số, nếu có"),
        required=False,
        max_length=20,
        attrs={"inputmode": "numeric"},
    )
    insurance_number = LineField(label=_("Số thẻ bảo hiểm y tế"), help_text=_("nếu có"), required=False, max_length=20)
    phone = LineField(
        label=_("Điện thoại"), help_text=_("nếu có"), required=False, max_length=20, attrs={"inputmode": "tel"}
    )
    area_code = forms.ChoiceField(label=_("Phường, xã"), required=False)
    address_line = LineField(label=_("Số nhà, đường, thôn"), help_text=_("nếu biết"), required=False)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        wards = sorted(areas_in_force(timezone.localdate(), AreaKind.WARD), key=lambda area: area.name)
        choices = [("", _("Chưa rõ")), *((area.code, area.name) for area in wards)]
        offer(self, "area_code", choices)
        self.warnings: list[str] = []

    def clean(self) -> dict[str, Any]:
        """Check the numbers' shape and collect what is odd about them."""
        data = super().clean() or {}
        born = data.get("birth_date")
        if born and (born.year < 1900 or born > timezone.localdate()):
            self.add_error("birth_date", _("Ngày sinh phải từ 01/01/1900 đến hôm nay."))
        self._check("cccd", lambda text: parse_cccd(text, sex=data.get("sex", ""), birth_date=born))
        self._check("insurance_number", parse_insurance_number)
        self._check("phone", parse_phone)
        if not data.get("cccd") and not data.get("insurance_number") and not self.errors:
            self.warnings.append(str(_("Không có số định danh: lần sau chỉ tìm được người này theo tên và ngày sinh.")))
        return data

    def registration(self) -> dict[str, Any]:
        """The arguments of ``records.citizens.register_citizen``."""
        return dict(self.cleaned_data)

    def _check(self, field: str, parse: Any) -> None:
        text = self.cleaned_data.get(field)
        if not text:
            return
        try:
            found = parse(text)
        except Malformed as error:
            self.add_error(field, str(error.label))
            return
        self.cleaned_data[field] = found.value
        self.warnings += [str(LABELS[code]) for code in found.warnings if code not in _QUIET]


def split_number(number: str) -> dict[str, str]:
    """A presented number as the field of the registration that it belongs to."""
    return {"cccd": number} if len(number) == 12 and number.isdigit() else {"insurance_number": number}


def parse_number(text: str) -> Identifier:
    """A CCCD or a health-insurance number as it is kept; a ValidationError for what can be neither."""
    try:
        return parse_insurance_number(text)  # a CCCD is one of its forms
    except Malformed as error:
        raise forms.ValidationError(
            _("Phải là số căn cước 12 chữ số, hoặc số thẻ bảo hiểm y tế 15 ký tự hay 10 chữ số.")
        ) from error
