"""What holds for a whole rack of tubes."""

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from screening.forms.fields import DayField, LineField, offer
from screening.forms.laboratory import test_choices, test_of
from screening.laboratory.rack import Setting
from screening.protocol.words import Ambiguous, read_number

SIZES = (24, 48, 96)


class RackForm(forms.Form):
    """Test, unit, kit and cut-off are set once on top; a tube's own kit and day of sampling go before."""

    test = forms.ChoiceField(label=_("Xét nghiệm"))
    unit = forms.ChoiceField(label=_("Đơn vị"), required=False)
    kit = forms.ChoiceField(label=_("Bộ kit"), required=False)
    cutoff = LineField(
        label=_("Ngưỡng dương tính"), required=False, max_length=20, attrs={"inputmode": "decimal", "size": 8}
    )
    collected_on = DayField(label=_("Ngày lấy mẫu"), help_text=_("khi ống không ghi ngày"))
    resulted_on = DayField(label=_("Ngày trả kết quả"))
    size = forms.TypedChoiceField(
        label=_("Số hàng"), choices=[(one, str(one)) for one in SIZES], coerce=int, required=False
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        today = timezone.localdate()
        initial = {"collected_on": today, "resulted_on": today, "test": "fit", "size": SIZES[0]}
        super().__init__(*args, **{**options, "initial": initial | (options.get("initial") or {})})
        offer(self, "test", test_choices())
        test = test_of((self.data.get("test") if self.is_bound else "") or self.initial["test"])
        units = list(test.units.values()) if test else []
        kits = list(test.kits) if test else []
        if units:
            offer(self, "unit", [(one.unit, one.display) for one in units])
            kit_names = [("", _("Theo từng ống")), *((one.name, one.name) for one in kits)]
            offer(self, "kit", kit_names)
        else:
            for name in ("unit", "kit", "cutoff"):
                del self.fields[name]
        words = [category.words[0] for category in test.categories.values() if category.words] if test else []
        self.words = ", ".join(words)

    def clean_cutoff(self) -> Any:
        """A number above nothing."""
        text = self.cleaned_data.get("cutoff")
        if not text:
            return None
        try:
            written = read_number(text)
        except Ambiguous:
            written = None
        if written is None or written.comparator or written.value <= 0:
            raise forms.ValidationError(_("Phải là một số lớn hơn 0, ví dụ 20."))
        return written.value

    def clean(self) -> dict[str, Any]:
        """The days in order."""
        data = super().clean() or {}
        today = timezone.localdate()
        for name in ("collected_on", "resulted_on"):
            if data.get(name) and data[name] > today:
                self.add_error(name, _("Ngày này chưa đến."))
        return data

    def setting(self) -> Setting:
        """What holds for the rack, once the form is valid."""
        data = self.cleaned_data
        return Setting(
            test=data["test"],
            unit=data.get("unit", ""),
            kit=data.get("kit", ""),
            cutoff=data.get("cutoff"),
            collected_on=data["collected_on"],
            resulted_on=data["resulted_on"],
        )
