"""Compares what people write: words without case, accents and punctuation; numbers with a Vietnamese decimal comma."""

import re
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from records.names import fold

_number = re.compile(r"(<=|>=|<|>|≤|≥)?\s*(\d+)(?:([.,])(\d+))?")
_dashes = str.maketrans("–—−", "---")


class Written(NamedTuple):
    """A number as written: ``comparator`` is "", "<", "<=", ">" or ">="."""

    comparator: str
    value: Decimal


class Ambiguous(ValueError):
    """``1,234`` or ``1.234``: a thousand or a decimal? Nobody may guess a result."""


@lru_cache(maxsize=10_000)  # words come from files, without end
def key_of(word: str) -> str:
    """The form in which words are compared: "ASC-US", "ascus" and "Asc us" are one; a bare sign such as "(+)" stays."""
    folded = fold(word.translate(_dashes))
    letters = "".join(char for char in folded if char.isalnum())
    return letters or "".join(char for char in folded if char in "+-")


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
