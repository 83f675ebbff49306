"""Compares what people write: words without case, accents and punctuation; numbers with a Vietnamese decimal comma."""

import re
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from records.names import fold

_number = re.compile(r"(<=|>=|<|>|≤|≥)?\s*(\d+)(?:([.,])(\d+))?")
_dashes = str.maketrans("–—−", "---")
_gap = re.compile(r"(?<=\d)([\W_]+)(?=\d)|[\W_]+")
# A sign that stands apart from the letters ("HPV 16 (-)", not "ASC-US"), or one of doubt anywhere.
_sign = re.compile(r"(?<![^\W_])[+-]+|[+-]+(?![^\W_])|[±?<>≤≥]")


class Written(NamedTuple):
    """A number as written: ``comparator`` is "", "<", "<=", ">" or ">="."""

    comparator: str
    value: Decimal


class Ambiguous(ValueError):
    """``1,234`` or ``1.234``: a thousand or a decimal? Nobody may guess a result."""


@lru_cache(maxsize=10_000)  # words come from files, without end
def key_of(word: str) -> str:
    """The form in which words are compared: "ASC-US", "ascus" and "Asc us" are one; a bare sign such as "(+)" stays.

    Digits stay apart, so that "16/18" is "16, 18" but not "1618", and "1.6" is not "16".
    """
    folded = fold(word.translate(_dashes))
    letters = _gap.sub(lambda gap: "/" if gap[1] else "", folded)
    return letters or "".join(char for char in folded if char in "+-")


def sign_of(word: str) -> str:
    """The sign that comes with a word: "+" of "Dương tính (+)", "-" of "HPV 16 (-)", "" of "ASC-US"; "?" of a doubt or
    of two signs that contradict each other."""
    signs = set("".join(_sign.findall(word.translate(_dashes))))
    return "" if not signs else signs.pop() if signs in ({"+"}, {"-"}) else "?"


def read_number(text: str) -> Written | None:
    """The number that a text is, or None if it is none. Raises Ambiguous for ``1,234`` and ``1.234``."""
    found = _number.fullmatch(text.strip().replace("\u00a0", ""))
    if not found:
        return None
    comparator, whole, separator, fraction = found.groups()
    if separator and len(fraction) == 3 and whole != "0" and len(whole) <= 3:
        raise Ambiguous(text)
    comparator = {"≤": "<=", "≥": ">="}.get(comparator or "", comparator or "")
    return Written(comparator, Decimal(f"{whole}.{fraction}" if separator else whole))
