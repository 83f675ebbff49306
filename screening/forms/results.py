"""Entering or correcting a result: the few fields of one test, and the protocol's reading of them."""

from decimal import Decimal
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from records.models import Citizen, Facility
from screening.citizen import amount, here
from screening.components import PREFIX
from screening.forms.fields import DayField, LineField, NoteField, offer
from screening.models import ScreeningResult
from screening.protocol import Interpretation, NotInterpretable, Test
from screening.protocol.words import Ambiguous, read_number
from screening.results import interpret_result


class ResultForm(forms.Form):
    """A measured test has value, unit, kit and cut-off, and its categories for results without a number; any other test
    has its categories alone."""

    specimen_id = LineField(
        label=_("Mã mẫu"), required=False, max_length=100, help_text=_("Quét hoặc gõ mã trên ống mẫu, nếu có."),
        attrs={"autofocus": True},
    )  # fmt: skip
    value = LineField(label=_("Kết quả"), required=False, max_length=40, attrs={"inputmode": "decimal", "size": 12})
    unit = forms.ChoiceField(label=_("Đơn vị"), required=False)
    category = forms.ChoiceField(label=_("Kết quả"), required=False, widget=forms.RadioSelect)
    kit = forms.ChoiceField(label=_("Bộ kit"), required=False)
    cutoff = LineField(
        label=_("Ngưỡng dương tính"), required=False, max_length=20, attrs={"inputmode": "decimal", "size": 12}
    )
    collected_on = DayField(label=_("Ngày lấy mẫu"))
    resulted_on = DayField(label=_("Ngày trả kết quả"))
    note = NoteField(label=_("Ghi chú"))
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(
        self, *args: Any, test: Test, citizen: Citizen, corrects: ScreeningResult | None = None, **options: Any
    ) -> None:
        initial = (_initial(corrects) if corrects else {}) | (options.pop("initial", None) or {})
        today = {"collected_on": timezone.localdate(), "resulted_on": timezone.localdate()} if not corrects else {}
        super().__init__(*args, **options | {"initial": today | initial})
        self.test, self.citizen, self.corrects = test, citizen, corrects
        self.found: Interpretation | None = None
        choices = [(key, here(category.label)) for key, category in test.categories.items()]
        if test.units:
            self._measured(choices)
        else:
            for name in ("value", "unit", "kit", "cutoff"):
                del self.fields[name]
            self._choose("category", choices)
            self.fields["category"].required = True
        self._beside()
        if corrects:
            self.fields["note"].label = _("Lý do sửa")
            self.fields["note"].required = True
        else:
            del self.fields["version"]

    def clean(self) -> dict[str, Any]:
        """The days in order, one result, and what the protocol makes of it."""
        data = super().clean() or {}
        self._check_days(data)
        if self.test.units and not self.errors:
            self._check_one(data)
        if not self.errors:
            self._interpret()
        return data

    def result_fields(self) -> dict[str, Any]:
        """The arguments of ``results.build_result`` about the result itself."""
        data = self.cleaned_data
        number = not data.get("category")
        return {
            "test": self.test.key,
            "value": data["value"] if number else data["category"],
            "unit": data.get("unit", "") if number else "",
            "kit": data.get("kit", ""),
            "cutoff": self._cutoff() if number else None,
            "cutoff_unit": data.get("unit", "") if number and data.get("cutoff") else "",
            "collected_on": data["collected_on"],
            "resulted_on": data["resulted_on"],
            "specimen_id": data.get("specimen_id", ""),
            "note": data.get("note", ""),
            "components": {one.key: data.get(PREFIX + one.key, "") for one in self.test.components},
        }

    def check_specimen(self, facility: Facility) -> ScreeningResult | None:
        """The result that the facility has already for this specimen and test; then the field has an error."""
        specimen = self.cleaned_data.get("specimen_id")
        if not specimen:
            return None
        held = ScreeningResult.objects.filter(facility=facility, specimen_id=specimen, test=self.test.key)
        found = held.exclude(observation_id=self.corrects.observation_id if self.corrects else "").first()
        if found:
            self.add_error("specimen_id", _("Mẫu này của cơ sở đã có kết quả xét nghiệm này. Hãy sửa kết quả đó."))
        return found

    def _measured(self, choices: list[tuple[str, str]]) -> None:
        units = [(unit.unit, unit.display) for unit in self.test.units.values()]
        limits = "; ".join(
            f"{amount(u.default_cutoff, u.display)}" for u in self.test.units.values() if u.default_cutoff
        )
        kits = [kit.name for kit in self.test.kits]
        held = self.initial.get("kit")
        self._choose("unit", units)
        self._choose(
            "kit",
            [("", _("Không rõ")), *((name, name) for name in [*kits, *([held] if held and held not in kits else [])])],
        )
        self._choose("category", [("", _("Theo số đo ở trên")), *choices])
        self.fields["category"].label = _("Nếu không có số đo")
        self.fields["cutoff"].help_text = _now("Để trống thì dùng ngưỡng của bộ kit, hoặc %(limits)s.") % {
            "limits": limits
        }

    def _beside(self) -> None:
        """What is reported beside the result, after it: breast density."""
        for one in self.test.components:
            values = [(value.key, here(value.label)) for value in one.values.values()]
            name = PREFIX + one.key
            self.fields[name] = forms.ChoiceField(label=here(one.name), required=False)
            self._choose(name, [("", _("Không ghi")), *values])
        names = list(self.fields)
        beside = [name for name in names if name.startswith(PREFIX)]
        place = names.index("category") + 1
        self.order_fields([*names[:place], *beside, *names[place:]])

    def _choose(self, name: str, choices: list[Any]) -> None:
        offer(self, name, choices)

    def _check_days(self, data: dict[str, Any]) -> None:
        collected, resulted = data.get("collected_on"), data.get("resulted_on")
        for name, day in (("collected_on", collected), ("resulted_on", resulted)):
            if day and day > timezone.localdate():
                self.add_error(name, _("Ngày này chưa đến."))
        if collected and self.citizen.birth_date and collected < self.citizen.birth_date:
            self.add_error("collected_on", _("Ngày lấy mẫu ở trước ngày sinh."))
        if collected and resulted and resulted < collected:
            self.add_error("resulted_on", _("Ngày trả kết quả ở trước ngày lấy mẫu."))

    def _check_one(self, data: dict[str, Any]) -> None:
        if data.get("value") and data.get("category"):
            self.add_error("category", _("Chỉ ghi một trong hai: số đo, hoặc kết quả không có số đo."))
        elif not data.get("value") and not data.get("category"):
            self.add_error("value", _("Hãy nhập kết quả."))
        elif data.get("value"):
            self._check_number("value")
        if data.get("cutoff") and not self.errors:
            self._check_number("cutoff")

    def _check_number(self, name: str) -> None:
        text = self.cleaned_data[name]
        try:
            written = read_number(text)
        except Ambiguous:
            self.add_error(
                name, _("Có thể là phần nghìn hoặc phần thập phân. Hãy viết không có dấu phân cách hàng nghìn.")
            )
            return
        if written is None or (name == "cutoff" and written.comparator):
            self.add_error(name, _("Phải là một số, ví dụ 12,5."))

    def _interpret(self) -> None:
        fields = self.result_fields()
        names = ("test", "value", "unit", "kit", "cutoff", "cutoff_unit", "collected_on")
        try:
            self.found = interpret_result(**{name: fields[name] for name in names})
        except NotInterpretable as fault:
            field = fault.field if fault.field in self.fields else "category"
            self.add_error(field, here(fault.text))

    def _cutoff(self) -> Decimal | None:
        written = read_number(self.cleaned_data.get("cutoff") or "")
        return written.value if written else None


def _initial(result: ScreeningResult) -> dict[str, Any]:
    measured = result.value is not None
    return {
        "specimen_id": result.specimen_id,
        "value": amount(result.value, "", result.comparator),
        "unit": result.unit,
        "category": "" if measured else result.category,
        "kit": result.kit,
        "cutoff": amount(result.cutoff, "") if measured else "",
        "collected_on": result.collected_on,
        "resulted_on": result.resulted_on,
        "version": result.version,
    }
