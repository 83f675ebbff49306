"""Finds what a test calls something: a unit, a kit, a category, by any of its spellings and codes."""

from collections.abc import Iterable, Mapping
from typing import Any

from screening.protocol.faults import NotInterpretable
from screening.protocol.shapes import Category, Coding, Kit, Test, TestCode
from screening.protocol.words import key_of, sign_of

_FLAG_OF_SIGN = {"+": "POS", "-": "NEG"}


def normal_unit(test: Test, written: str, code: TestCode | None = None) -> str:
    """The UCUM unit that a spelling means. Raises NotInterpretable naming the units that the test (or code) allows."""
    allowed = code.units if code and code.units else tuple(test.units)
    found = _spellings(test).get(_unit_key(written)) if written else None
    if found in allowed and found is not None:
        return found
    names = ", ".join(test.units[name].display for name in allowed)
    if not allowed:
        raise NotInterpretable("unit", f"{test.name['vi']} không có đơn vị.", f"{test.name['en']} has no unit.")
    if not written:
        raise NotInterpretable("unit", f"Thiếu đơn vị. Dùng: {names}.", f"The unit is missing. Use one of: {names}.")
    raise NotInterpretable(
        "unit",
        f"Đơn vị “{written}” không dùng cho xét nghiệm này. Dùng: {names}.",
        f"Unit {written!r} is not allowed here. Use one of: {names}.",
    )


def find_kit(test: Test, name: str) -> Kit | None:
    """The kit that the protocol knows under this name."""
    wanted = key_of(name) if name else ""
    return next((kit for kit in test.kits if wanted and wanted in map(key_of, kit.aliases)), None)


def kit_name(test: Test, name: str) -> str:
    """The kit's name as the protocol spells it, or as written if it is not a known one."""
    return known.name if (known := find_kit(test, name)) else name.strip()


def code_for(test: Test, unit: str) -> TestCode:
    """The code to write for a result: that of the unit, or without a unit the first one that reports presence."""
    wanted = [code for code in test.codes if (unit in code.units if unit else not code.units)]
    return (wanted or list(test.codes))[0]


def category_coded(test: Test, coding: Mapping[str, Any]) -> Category | None:
    """The category that a coding of the value means."""
    key = _by_coding(test).get((coding.get("system", ""), coding.get("code", "")))
    return test.categories[key] if key else None


def category_named(test: Test, word: str) -> Category | None:
    """The category that a word of either language means, whatever its case, accents and punctuation.

    A sign beside the word must say the same: "Âm tính (-)" is one result, "HPV 16 (-)" is none that anybody may guess.
    Beside the name of the test the sign is the result: "VIA (+)".
    """
    if not word:
        return None
    named, sign = key_of(word), sign_of(word)
    key = _by_word(test).get(named)
    if key is None and sign in ("+", "-") and named in map(key_of, test.words):
        key = _by_word(test).get(sign)
    if key is None or (sign and test.categories[key].interpretation != _FLAG_OF_SIGN.get(sign)):
        return None
    return test.categories[key]


def category_flagged(test: Test, flag: str) -> Category | None:
    """The category of an interpretation code alone (POS, NEG …): the general one, else the only one."""
    found = [category for category in test.categories.values() if category.interpretation == flag]
    general = [category for category in found if category.key == category.outcome]
    return (general or found)[0] if general or len(found) == 1 else None


def _unit_key(text: str) -> str:
    """``µg / g`` with either sign for micro, and any case: UCUM ug/g."""
    return "".join(text.casefold().replace("µ", "u").replace("μ", "u").split())


# Tests are made once per process and never change, so what is looked up in them is kept by identity.
_tables: dict[int, tuple[Test, dict[str, str], dict[str, str], dict[Coding, str]]] = {}


def _table(test: Test) -> tuple[Test, dict[str, str], dict[str, str], dict[Coding, str]]:
    found = _tables.get(id(test))
    if found is None:
        found = _tables[id(test)] = (
            test,
            {_unit_key(text): unit.unit for unit in test.units.values() for text in (unit.unit, *unit.spellings)},
            {key_of(word): name for name, category in test.categories.items() for word in _words_of(name, category)},
            {coding: name for name, category in test.categories.items() for coding in category.codings},
        )
    return found


def _words_of(name: str, category: Category) -> Iterable[str]:
    """All that a file may hold for a category: its words, what we ourselves call it, its codes."""
    return (name, *category.words, *category.label.values(), *(code for _system, code in category.codings))


def _spellings(test: Test) -> dict[str, str]:
    return _table(test)[1]


def _by_word(test: Test) -> dict[str, str]:
    return _table(test)[2]


def _by_coding(test: Test) -> dict[Coding, str]:
    return _table(test)[3]
