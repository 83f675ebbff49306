"""What somebody smokes or smoked, asked at the desk."""

from datetime import date
from decimal import Decimal
from typing import Any, Final

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from screening.forms.fields import DayField, LineField, offer
from screening.protocol.words import Ambiguous, read_number
from screening.smoking import HABITS, Habit, Smoking, Statement

MOST: Final = 300  # pack-years: six packs a day for fifty years
WITHDRAWN: Final = "withdrawn"
_NUMERIC: Final = {"inputmode": "decimal", "size": 6}


class SmokingForm(forms.Form):
    """Habit, pack-years, year of stopping, and the day on which it was asked; a correction may take it back."""

    habit = forms.ChoiceField(
        label=_("Hút thuốc"),
        choices=list(HABITS.items()),
        widget=forms.RadioSelect,
        error_messages={"required": _("Hãy chọn một mục.")},
    )
    pack_years = LineField(
        label=_("Số bao-năm"),
        help_text=_("Số bao mỗi ngày × số năm hút. Ví dụ: mỗi ngày nửa bao trong 40 năm là 20. Chưa hút thì để trống."),
        required=False,
        max_length=10,
        attrs=_NUMERIC,
    )
    stopped = LineField(
        label=_("Năm bỏ thuốc"), help_text=_("Nếu đã bỏ."), required=False, max_length=4, attrs=_NUMERIC
    )
    on = DayField(label=_("Ngày hỏi"))
    seen = forms.CharField(required=False, max_length=40, widget=forms.HiddenInput)

    def __init__(self, *args: Any, born: date | None, shown: Statement | None, **options: Any) -> None:
        super().__init__(*args, **options)
        self.born = born
        if shown is None:
            self.initial["on"] = timezone.localdate()
            return
        offer(self, "habit", [*HABITS.items(), (WITHDRAWN, _("Ghi nhầm, bỏ lần ghi này"))])
        self.initial = {
            "habit": shown.said.habit,
            "pack_years": f"{shown.said.pack_years.normalize():f}".replace(".", ","),
            "stopped": shown.said.stopped or "",
            "on": shown.day,
            "seen": mark_of(shown),
        }

    def clean_on(self) -> date:
        """Not before birth, not after today."""
        day: date = self.cleaned_data["on"]
        if day > timezone.localdate() or (self.born and day < self.born):
            raise forms.ValidationError(_("Ngày hỏi phải từ ngày sinh đến hôm nay."))
        return day

    def clean(self) -> dict[str, Any]:
        """What was said as ``smoking``; absent where it was withdrawn."""
        data = super().clean() or {}
        habit = data.get("habit")
        if habit in (None, WITHDRAWN) or "on" not in data:
            return data
        packs, year = Decimal(0), None
        if habit != Habit.NEVER:
            packs = self._packs(data.get("pack_years", ""))
        elif data.get("pack_years", "").strip(" 0") or data.get("stopped"):
            self.add_error("habit", _("Chưa bao giờ hút thì không có số bao-năm và năm bỏ thuốc."))
        if habit == Habit.STOPPED:
            year = self._year(data.get("stopped", ""), data["on"])
        elif habit == Habit.NOW and data.get("stopped"):
            self.add_error("stopped", _("Đang hút thì để trống năm bỏ thuốc."))
        data["smoking"] = Smoking(Habit(habit), packs, year)
        return data

    def _packs(self, text: str) -> Decimal:
        try:
            number = read_number(text)
        except Ambiguous:
            number = None
        if number is None or number.comparator or not 0 < number.value <= MOST:
            self.add_error("pack_years", _("Hãy nhập số bao-năm, lớn hơn 0 và nhiều nhất là %d.") % MOST)
            return Decimal(0)
        return number.value

    def _year(self, text: str, on: date) -> int | None:
        first = self.born.year if self.born else 1900
        year = int(text) if text.isascii() and text.isdigit() else 0
        if not first <= year <= on.year:
            told = _("Hãy nhập năm bỏ thuốc, từ %(first)d đến %(last)d.") % {"first": first, "last": on.year}
            self.add_error("stopped", told)
            return None
        return year


def mark_of(statement: Statement) -> str:
    """The versions of a statement, as the form carries them."""
    return ".".join(map(str, statement.seen))
