"""A result in the queue as forms show it, and one that is put there by hand."""

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import orjson
from django import forms
from django.utils.translation import gettext_lazy as _

from screening.citizen import here, written
from screening.components import PREFIX
from screening.facts import day_of
from screening.forms.fields import DayField, LineField, NoteField, offer
from screening.imports.values import DENSITY, Bad, cutoff_of, density_of
from screening.models import UnmatchedResult
from screening.protocol import NotInterpretable, Test, interpret
from screening.protocol.cutoffs import beside_own
from screening.protocol.lookup import category_named, find_kit, normal_unit
from screening.protocol.words import Ambiguous, read_number
from screening.results import said_test

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

LABELS: Final["dict[str, _StrPromise]"] = {
    "full_name": _("Họ và tên"),
    "birth_date": _("Ngày sinh"),
    "sex": _("Giới tính"),
    "cccd": _("Số căn cước"),
    "insurance_number": _("Số thẻ bảo hiểm y tế"),
    "phone": _("Điện thoại"),
    "specimen_id": _("Mã mẫu"),
    "order_id": _("Phiếu chỉ định"),
    "test": _("Xét nghiệm"),
    "value": _("Kết quả"),
    "unit": _("Đơn vị"),
    "kit": _("Bộ kit"),
    "cutoff": _("Ngưỡng dương tính"),
    "cutoff_unit": _("Đơn vị của ngưỡng"),
    "collected_on": _("Ngày lấy mẫu"),
    "resulted_on": _("Ngày trả kết quả"),
    "note": _("Ghi chú"),
    "density": _("Mật độ mô vú"),
}
_SEXES: Final["dict[str, _StrPromise]"] = {
    **dict.fromkeys(("male", "m"), _("Nam")),
    **dict.fromkeys(("female", "f"), _("Nữ")),
}
_DAYS = ("birth_date", "collected_on", "resulted_on")
_iso_day = re.compile(r"\d{4}-\d\d-\d\d")


class ParkForm(forms.Form):
    """What stands on a tube and its result, when nobody knows whose it is."""

    specimen_id = LineField(label=_("Mã mẫu"), max_length=100)
    test = forms.ChoiceField(label=_("Xét nghiệm"))
    value = LineField(label=_("Kết quả"), max_length=40, attrs={"autofocus": True})
    unit = LineField(label=_("Đơn vị"), max_length=20, required=False)
    full_name = LineField(label=_("Tên ghi trên ống"), required=False)
    birth_date = LineField(label=_("Ngày sinh ghi trên ống"), max_length=20, required=False)
    collected_on = DayField(label=_("Ngày lấy mẫu"), required=False)
    note = NoteField(label=_("Ghi chú"))

    def __init__(self, *args: Any, **options: Any) -> None:
        from screening.forms.laboratory import test_choices

        super().__init__(*args, **options)
        offer(self, "test", test_choices())

    def fields_known(self) -> dict[str, Any]:
        """What is known, for ``park_result``."""
        return {name: value for name, value in self.cleaned_data.items() if value not in (None, "")}

    def payload(self) -> str:
        """As it was typed."""
        return orjson.dumps({name: str(value) for name, value in self.fields_known().items()}).decode()


def shown_fields(row: UnmatchedResult) -> "list[tuple[_StrPromise, str]]":
    """Label and text of all that was understood."""
    return [(LABELS[name], as_written(row, name)) for name in LABELS if row.fields.get(name)]


def test_name(said: str) -> str:
    """A test by the name that its protocol gives it; as it came if no protocol knows it."""
    test = said_test(said)
    return here(test.name) if test else said


def as_written(row: UnmatchedResult, name: str) -> str:
    """What was understood of one thing: a day as people write it, anything else as it came."""
    text: str = row.fields.get(name, "")
    if name == "test":
        return test_name(text)
    if name == "sex":
        return str(_SEXES.get(text.lower(), text))
    day = day_of(text) if name in _DAYS and _iso_day.fullmatch(text) else None
    return written(day) if day else text


def fill(fields: dict[str, str], test: Test) -> dict[str, Any]:
    """What a parked result says, as the initial values of the form of its test: nothing that must be guessed."""
    initial: dict[str, Any] = {"specimen_id": fields.get("specimen_id", ""), "note": fields.get("note", "")}
    value = fields.get("value", "")
    if test.units and _is_number(value):
        initial["value"] = value
        try:
            initial["unit"] = normal_unit(test, fields.get("unit", ""))
        except NotInterpretable:
            initial["unit"] = ""
        initial["cutoff"] = _confirmed_cutoff(fields, test)
    else:
        category = category_named(test, value)
        initial["category"] = category.key if category else ""
    kit = find_kit(test, fields.get("kit", ""))
    initial["kit"] = kit.name if kit else ""
    with suppress(Bad):
        initial[PREFIX + DENSITY] = density_of(fields.get("density", ""), test)
    for name in ("collected_on", "resulted_on"):
        if day := day_of(fields.get(name, "")):
            initial[name] = day
        elif fields.get(name):
            initial[name] = fields[name]
    return {name: text for name, text in initial.items() if text != ""}


def _confirmed_cutoff(fields: dict[str, str], test: Test) -> str:
    """The cut-off that came with a number; "" where the protocol's own makes another result of it: whoever decides may
    write it, and sees what that does."""
    text, unit, kit = (fields.get(name, "") for name in ("cutoff", "unit", "kit"))
    try:
        cutoff, of_cutoff = cutoff_of(text) if text else (None, "")
        of_cutoff = of_cutoff or fields.get("cutoff_unit", "")
        found = interpret(test, word=fields["value"], unit=unit, kit=kit, cutoff=cutoff, cutoff_unit=of_cutoff)
    except (NotInterpretable, Bad):
        return text
    beside = beside_own(test, found, kit=kit)
    return "" if beside and beside.differs else text


def _is_number(text: str) -> bool:
    try:
        return read_number(text) is not None
    except Ambiguous:
        return True
