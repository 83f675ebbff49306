"""Barcodes of kits and tubes: facility code, running number, check character; and their bars as drawn on labels.

Thirteen characters such as ``019010000042K``. The check character (ISO 7064, MOD 37,36) finds every single slip of the
hand and every swap of neighbours, so that a barcode typed by hand cannot become somebody else's.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from barcode.codex import Code128
from django.db import connection
from stdnum.exceptions import ValidationError
from stdnum.iso7064 import mod_37_36

_shape = re.compile(r"[0-9A-Z]{5}[0-9]{7}[0-9A-Z]")
_NUMBERS = "SELECT nextval('screening_barcode') FROM generate_series(1, %s)"


@dataclass(frozen=True, slots=True)
class Bars:
    """A Code 128 symbol: ``width`` modules wide, with the quiet zones; each bar is (from the left, its width)."""

    width: int
    bars: list[tuple[int, int]]


def new_barcodes(facility_code: str, count: int = 1) -> list[str]:
    """Fresh barcodes of a facility; no number is ever given twice, even if nothing comes of it."""
    with connection.cursor() as cursor:
        cursor.execute(_NUMBERS, [count])
        numbers = [number for (number,) in cursor.fetchall()]
    return [barcode_of(facility_code, number) for number in numbers]


def barcode_of(facility_code: str, number: int) -> str:
    """The facility's ``number``th barcode, with its check character."""
    body = f"{facility_code:0>5}{number:07d}"
    return body + mod_37_36.calc_check_digit(body)


def read_barcodes(text: str) -> list[str]:
    """The barcodes in what a scanner or a person typed: one or many, in order, each once."""
    return list(dict.fromkeys(part for part in re.split(r"[\s,;]+", text.strip().upper()) if part))


def is_mistyped(barcode: str) -> bool:
    """Whether it has the shape of one of our barcodes, but not its check character."""
    if not _shape.fullmatch(barcode):
        return False
    try:
        mod_37_36.validate(barcode)
    except ValidationError:
        return True
    return False


def is_citywide(barcode: str) -> bool:
    """Whether it is one of our barcodes, which no other facility can have given too."""
    return _shape.fullmatch(barcode) is not None and not is_mistyped(barcode)


@lru_cache(maxsize=2000)
def bars_of(barcode: str) -> Bars:
    """The symbol, with ten modules of quiet zone at each side. ValueError for characters beyond ASCII."""
    if not barcode.isascii() or not barcode.isprintable():
        raise ValueError(barcode)
    modules = Code128(barcode).build()[0]
    return Bars(len(modules) + 20, _runs(modules))


def _runs(modules: Sequence[str]) -> list[tuple[int, int]]:
    at, found = 10, []
    for dark, run in groupby(modules):
        width = len(list(run))
        if dark == "1":
            found.append((at, width))
        at += width
    return found
