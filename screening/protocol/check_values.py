"""What the checks of a protocol file share: which codes and which numbers may stand in one."""

from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final

SYSTEMS: Final = ("loinc", "snomed", "local")
LANGUAGES: Final = ("vi", "en")


def code_faults(texts: Sequence[str], path: str, systems: Sequence[str] = SYSTEMS) -> Iterator[str]:
    """Codes that are not written as ``system|code`` of a known system."""
    for text in texts:
        system, bar, code = text.partition("|")
        if system not in systems or not bar or not code:
            yield f"{path}: {text!r} is not {'|…, '.join(systems)}|…"


def is_positive(number: Any) -> bool:
    """Whether it is a number above 0, written as text so that it stays exact."""
    try:
        return isinstance(number, str) and Decimal(number) > 0
    except InvalidOperation:
        return False
