"""What a machine tells beside a number: the range that it takes as normal, and which kit measured it.

A screening protocol reads a number against the cut-off of the kit. The machine may name the kit; its range only
confirms the cut-off (``protocol.cutoffs``). Nothing is guessed from one that does not say clearly where "positive"
begins.
"""

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Final, NamedTuple

from screening.models import KitLot
from screening.protocol import Test
from screening.protocol.lookup import find_kit

_BELOW: Final = re.compile(r"(<|<=|≤|0(?:[.,]0+)?\s*-)\s*(\d+(?:[.,]\d+)?)(?:\s*([^\d\s].*))?")
_LOT: Final = re.compile(r"\b(?:lot|lô)\b(?:\s*(?:no\.?|number|số))?\s*[:#=]?\s*([A-Za-z0-9][\w./-]*)", re.IGNORECASE)
_KIT: Final = re.compile(r"\b(?:kit|reagent|bộ kit|thuốc thử)\b\s*[:#=]\s*([^;,|]+)", re.IGNORECASE)


class Range(NamedTuple):
    """A reference range as a cut-off: ``text`` ("20 ug/g") and whether the bound itself is still normal."""

    text: str
    inclusive: bool


def cutoff_in(text: str) -> Range | None:
    """The cut-off of a range that ends where "positive" begins: "<20", "0-20 ug/g"; None for any other text."""
    found = _BELOW.fullmatch(text.strip())
    if found is None:
        return None
    return Range(" ".join(part for part in found.group(2, 3) if part), found[1] != "<")


def usable(bound: Range, value: str) -> str:
    """The cut-off for the cell of a result; the range as it came, which no cell takes, where the value lies on a bound
    that the machine calls normal and our protocols positive: a person decides."""
    number, value = (text.replace(",", ".") for text in (bound.text.split(" ")[0], value.lstrip("<>= ")))
    return f"≤ {bound.text}" if bound.inclusive and Decimal(number) == Decimal(value) else bound.text


def kit_in(test: Test, names: Iterable[str], remarks: Iterable[str], *, facility: str) -> str:
    """The kit that measured it, as the protocol spells it; "" if nothing that was sent names one that we know.

    ``names`` are what the machine calls its method, itself and its reagent, ``remarks`` free texts ("Kit: …; Lot: …").
    A lot tells the kit too, if the facility has taken such a delivery in.
    """
    remarks = list(remarks)
    told = [*names, *(found[1] for text in remarks for found in _KIT.finditer(text))]
    if known := next((kit for name in told if name and (kit := find_kit(test, name.strip()))), None):
        return known.name
    lots = {found[1] for text in remarks for found in _LOT.finditer(text)}
    if not lots:
        return ""
    deliveries = KitLot.objects.filter(facility=facility, test=test.key, lot__in=lots)
    kits = set(deliveries.values_list("kit", flat=True))
    return kits.pop() if len(kits) == 1 else ""
