"""A machine that may send results, and what became of a message that was refused."""

import codecs
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from screening.forms.fields import LineField, offer
from screening.forms.files import test_choices
from screening.machines.connections import NotPossible, networks_in
from screening.machines.inbox import OTHER, SETTLED_AS
from screening.models import MachineConnection, MachineProtocol


class MachineForm(forms.Form):
    """Who the machine is. How it sends is said once: another way is another machine."""

    name = LineField(label=_("Tên máy"), max_length=100, help_text=_("Như nhân viên gọi, ví dụ: OC-Sensor phòng 2."))
    protocol = forms.ChoiceField(label=_("Cách gửi"), choices=MachineProtocol.choices)
    sending_facility = LineField(
        label=_("Nơi gửi (MSH-4)"), max_length=100, required=False, help_text=_("Chỉ với HL7.")
    )
    sending_application = LineField(
        label=_("Phần mềm gửi (MSH-3)"),
        max_length=100,
        required=False,
        help_text=_("Chỉ khi nhiều máy dùng chung MSH-4."),
    )
    addresses = LineField(
        label=_("Địa chỉ mạng"),
        max_length=500,
        required=False,
        help_text=_("Địa chỉ IP hoặc mạng mà máy gọi đến, cách nhau bằng dấu phẩy, ví dụ 10.1.0.5, 10.2.0.0/24."),
    )
    encoding = LineField(
        label=_("Bảng mã"),
        max_length=20,
        required=False,
        help_text=_("Nếu thông điệp không ghi (MSH-18), ví dụ cp1258."),
    )
    tests = forms.MultipleChoiceField(
        label=_("Chỉ được gửi"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Không chọn gì: mọi xét nghiệm."),
    )

    def __init__(self, *args: Any, machine: MachineConnection | None = None, **options: Any) -> None:
        if machine:
            options["initial"] = {
                "name": machine.name,
                "sending_facility": machine.sending_facility,
                "sending_application": machine.sending_application,
                "addresses": machine.addresses.replace(",", ", "),
                "encoding": machine.encoding,
                "tests": machine.tests,
            }
        super().__init__(*args, **options)
        self.machine = machine
        offer(self, "tests", test_choices())
        if machine:
            del self.fields["protocol"]

    def clean_encoding(self) -> str:
        """A name that Python knows."""
        name: str = self.cleaned_data["encoding"]
        try:
            return codecs.lookup(name).name if name else ""
        except LookupError:
            raise forms.ValidationError(_("Không biết bảng mã này.")) from None

    def clean_addresses(self) -> str:
        """As the table keeps them."""
        texts = [text.strip() for text in self.cleaned_data["addresses"].split(",")]
        try:
            return networks_in([text for text in texts if text])
        except NotPossible as fault:
            raise forms.ValidationError(str(fault)) from None

    def clean(self) -> dict[str, Any]:
        """An HL7 sender is known by name and address."""
        found = super().clean() or {}
        protocol = self.machine.protocol if self.machine else found.get("protocol")
        if protocol == MachineProtocol.HL7:
            for name in ("sending_facility", "addresses"):
                if not found.get(name) and name not in self.errors:
                    self.add_error(name, _("Bắt buộc với HL7."))
        return found


class SettleForm(forms.Form):
    """What became of a message or file that was refused."""

    settled_as = forms.ChoiceField(label=_("Đã xử lý thế nào"), choices=[("", _("Hãy chọn …")), *SETTLED_AS.items()])
    note = LineField(label=_("Ghi rõ"), required=False, max_length=500)

    def clean(self) -> dict[str, Any]:
        """Words where none of the list fits."""
        found = super().clean() or {}
        if found.get("settled_as") == OTHER and not found.get("note"):
            self.add_error("note", _("Hãy ghi rõ lý do."))
        return found
