"""What is typed on the pages of `records`."""

from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.utils.translation import gettext_lazy as _

from healthhub.accounts.actors import Actor, Role
from healthhub.accounts.models import User
from healthhub.web.context import role_name
from records.models import Area, AreaKind, Facility
from records.staff import GIVES


class InviteForm(forms.Form):
    """Whom to invite to which role; the facility or the part of the city only for those who choose one."""

    name = forms.CharField(label=_("Họ và tên"), max_length=200)
    email = forms.EmailField(
        label=_("Email"), help_text=_("Thư mời được gửi đến đây. Chỉ người đọc hộp thư này nhận được vai trò.")
    )
    role = forms.ChoiceField(label=_("Vai trò"), widget=forms.RadioSelect)
    facility = forms.CharField(
        label=_("Mã cơ sở"), max_length=5, required=False, help_text=_("5 ký tự, chỉ cần khi mời quản trị cơ sở.")
    )
    area = forms.ModelChoiceField(
        Area.objects.none(),
        label=_("Địa bàn phụ trách"),
        required=False,
        empty_label=_("Toàn thành phố"),
        help_text=_("Chỉ dùng cho cán bộ Sở Y tế."),
    )

    def __init__(self, *args: Any, actor: Actor, **options: Any) -> None:
        super().__init__(*args, **options)
        role: Any = self.fields["role"]
        role.choices = [(one.value, role_name(one)) for one in GIVES[actor.role]]
        if actor.role is Role.FACILITY_ADMIN:
            del self.fields["facility"], self.fields["area"]
        else:
            area: Any = self.fields["area"]
            area.queryset = Area.objects.filter(kind__in=(AreaKind.DISTRICT, AreaKind.WARD)).order_by("kind", "name")

    def clean_facility(self) -> Facility | None:
        """The registered facility with that code."""
        code = self.cleaned_data["facility"].strip().upper()
        found = Facility.objects.filter(code=code, active=True).first() if code else None
        if code and found is None:
            raise forms.ValidationError(_("Không có cơ sở nào mang mã này."))
        if found is None and self.cleaned_data.get("role") == Role.FACILITY_ADMIN:
            raise forms.ValidationError(_("Hãy cho biết cơ sở."))
        return found


class OpenAccountForm(forms.Form):
    """The name and the password of a new account."""

    name = forms.CharField(label=_("Họ và tên"), max_length=200)
    password = forms.CharField(
        label=_("Mật khẩu"),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("Dài và khó đoán; một câu ngắn dễ nhớ là tốt."),
    )
    again = forms.CharField(
        label=_("Nhập lại mật khẩu"), widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )

    def __init__(self, *args: Any, email: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self.email = email

    def clean_password(self) -> str:
        """By the rules of all passwords."""
        password: str = self.cleaned_data["password"]
        validate_password(password, User(email=self.email, name=self.cleaned_data.get("name", "")))
        return password

    def clean_again(self) -> str:
        """The same once more."""
        again: str = self.cleaned_data["again"]
        if "password" in self.cleaned_data and again != self.cleaned_data["password"]:
            raise forms.ValidationError(_("Hai mật khẩu không giống nhau."))
        return again
