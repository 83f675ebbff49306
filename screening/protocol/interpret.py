"""What a result means by its protocol. Units are never guessed, nor converted without the kit's published factor."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NoReturn

from screening.protocol.faults import NotInterpretable
from screening.protocol.lookup import category_coded, category_named, find_kit, kit_name, normal_unit
from screening.protocol.shapes import Kit, Test, TestCode, Text
from screening.protocol.words import Ambiguous, read_number

LARGEST = Decimal(10) ** 9  # above all that an analyser prints; the columns that keep values end near there
_FLAG_OF_SIGN = {"+": "POS", "-": "NEG"}


@dataclass(frozen=True, slots=True)
class Interpretation:
    """A result as the protocol reads it. ``value``, ``unit``, ``cutoff`` and ``comparator`` are of a number only."""

    category: str
    outcome: str
    interpretation: str
    label: Text
    explanation: Text
    value: Decimal | None = None
    comparator: str = ""
    unit: str = ""
    cutoff: Decimal | None = None
    cutoff_unit: str = ""
    kit: str = ""


def interpret(
    test: Test,
    *,
    quantity: Decimal | None = None,
    comparator: str = "",
    coded: Iterable[Mapping[str, Any]] = (),
    word: str = "",
    unit: str = "",
    kit: str = "",
    cutoff: Decimal | None = None,
    cutoff_unit: str = "",
    code: TestCode | None = None,
) -> Interpretation:
    """Read a number with its unit, or codings, or a word of either language (a word may be a number as written).

    A cut-off that comes with the result beats the kit's, the kit's beats the default of the unit. Under a ``code``
    without units (a "presence" code) a number is read only with a cut-off of its own. Raises NotInterpretable.
    """
    if quantity is None and word:
        quantity, comparator = _number_in(test, word)
    if quantity is not None:
        return _measured(test, quantity, comparator, unit, kit, cutoff, cutoff_unit, code)
    category = next((found for coding in coded if (found := category_coded(test, coding))), None)
    category = category or category_named(test, word)
    if category is None:
        _refuse_word(test, word)
    vi, en = category.label["vi"], category.label["en"]
    return Interpretation(
        category.key,
        category.outcome,
        category.interpretation,
        category.label,
        {"vi": vi, "en": en},
        kit=kit_name(test, kit),
    )


def _measured(
    test: Test,
    value: Decimal,
    comparator: str,
    unit: str,
    kit: str,
    cutoff: Decimal | None,
    cutoff_unit: str,
    code: TestCode | None,
) -> Interpretation:
    if value < 0:
        raise NotInterpretable("value", "Kết quả không thể là số âm.", "The value cannot be negative.")
    if value >= LARGEST:
        raise NotInterpretable("value", "Giá trị quá lớn.", "The value is too large to be true.")
    if not test.units:
        raise NotInterpretable(
            "value",
            f"{test.name['vi']} không nhận kết quả là số.",
            f"{test.name['en']} does not take a number as its result.",
        )
    unit = normal_unit(test, unit, code)
    known = find_kit(test, kit)
    if cutoff is not None:
        limit, limit_unit = cutoff, normal_unit(test, cutoff_unit) if cutoff_unit else unit
    elif code is not None and not code.units:
        raise NotInterpretable(
            "cutoff",
            f"Mã {code.coding[1]} là mã định tính: số chỉ đọc được khi có ngưỡng.",
            f"Code {code.coding[1]} reports presence: a number under it needs the cut-off that was used.",
        )
    elif known and known.cutoff is not None:
        limit, limit_unit = known.cutoff, known.cutoff_unit
    else:
        default = test.units[unit].default_cutoff
        if default is None:
            raise NotInterpretable("cutoff", "Thiếu ngưỡng.", "The cut-off is missing.")
        limit, limit_unit = default, unit
    limit, limit_unit = _same_unit(limit, limit_unit, unit, known, kit), unit
    if limit <= 0:
        raise NotInterpretable("cutoff", "Ngưỡng phải lớn hơn 0.", "The cut-off must be above 0.")
    if limit >= LARGEST:
        raise NotInterpretable("cutoff", "Ngưỡng quá lớn.", "The cut-off is too large to be true.")
    category = test.categories[test.at_or_above if _reaches(value, comparator, limit) else test.below]
    shown = test.units[unit].display
    sign = "≥" if category.key == test.at_or_above else "<"
    number, bound = f"{comparator}{value:f}", f"{limit:f}"
    vi = f"{number} {shown} {sign} ngưỡng {bound} {shown}".replace(".", ",")
    en = f"{number} {shown} {sign} cut-off {bound} {shown}"
    return Interpretation(
        category.key,
        category.outcome,
        category.interpretation,
        category.label,
        {"vi": f"{category.label['vi']}: {vi}", "en": f"{category.label['en']}: {en}"},
        value,
        comparator,
        unit,
        limit,
        limit_unit,
        kit_name(test, kit),
    )


def _reaches(value: Decimal, comparator: str, cutoff: Decimal) -> bool:
    """Whether the value is at or above the cut-off; equal counts as reached."""
    if comparator in ("", ">="):
        if value >= cutoff:
            return True
        if not comparator:
            return False
    elif comparator == ">":
        if value >= cutoff:
            return True
    elif comparator == "<":
        if value <= cutoff:
            return False
    elif comparator == "<=" and value < cutoff:
        return False
    raise NotInterpretable(
        "value",
        f"“{comparator}{value:f}” không cho biết kết quả so với ngưỡng {cutoff:f}.",
        f"'{comparator}{value:f}' does not tell on which side of the cut-off {cutoff:f} the value is.",
    )


def _same_unit(amount: Decimal, unit: str, wanted: str, kit: Kit | None, name: str) -> Decimal:
    if unit == wanted:
        return amount
    if kit and kit.factor:
        source, target, times = kit.factor
        if (unit, wanted) == (source, target):
            return (amount * times).normalize() + 0
        if (unit, wanted) == (target, source):
            return (amount / times).normalize() + 0
    raise NotInterpretable(
        "kit",
        f"Không đổi được {unit} sang {wanted}: chưa có hệ số công bố của bộ kit “{name or '?'}”. "
        f"Hãy ghi ngưỡng bằng {wanted}.",
        f"{unit} cannot be converted to {wanted}: no published factor for kit {name or '?'!r}. "
        f"State the cut-off in {wanted}.",
    )


def _number_in(test: Test, word: str) -> tuple[Decimal | None, str]:
    if category_named(test, word):
        return None, ""  # "16" is a type of HPV
    try:
        written = read_number(word)
    except Ambiguous:
        raise NotInterpretable(
            "value",
            f"“{word}” có thể là phần nghìn hoặc phần thập phân. Hãy viết không có dấu phân cách hàng nghìn.",
            f"{word!r} may be a thousand or a decimal. Write it without a thousands separator.",
        ) from None
    return (written.value, written.comparator) if written else (None, "")


def _refuse_word(test: Test, word: str) -> NoReturn:
    known = ", ".join(dict.fromkeys(category.words[0] for category in test.categories.values()))
    shown = word or "…"
    raise NotInterpretable(
        "value",
        f"Không hiểu kết quả “{shown}” của {test.name['vi']}. Dùng: {known}.",
        f"Result {shown!r} of {test.name['en']} is not known. Use one of: {known}.",
    )
