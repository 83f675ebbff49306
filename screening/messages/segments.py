"""How many SMS a text costs. Vietnamese letters with diacritics are outside GSM 03.38, so such a text goes out in
UCS-2: 70 characters in one SMS, 67 in each part of a longer one, against 160 and 153."""

import unicodedata
from dataclasses import dataclass
from typing import Final

_GSM: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_TWICE: Final = frozenset("^{}\\[~]|€\f")  # written with an escape, so two characters


@dataclass(frozen=True, slots=True)
class Size:
    """``units`` are characters as the network counts them; ``segments`` are the SMS that are paid for."""

    encoding: str
    units: int
    segments: int


def size(text: str) -> Size:
    """The size of a text as SMS."""
    if all(letter in _GSM or letter in _TWICE for letter in text):
        units = sum(2 if letter in _TWICE else 1 for letter in text)
        return Size("GSM-7", units, 1 if units <= 160 else -(-units // 153))
    units = len(text.encode("utf-16-be")) // 2
    return Size("UCS-2", units, 1 if units <= 70 else -(-units // 67))


def without_diacritics(text: str) -> str:
    """Vietnamese as many people write it in SMS: fits into GSM-7, so it costs half."""
    bare = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D").replace("…", "..."))
    return unicodedata.normalize("NFC", "".join(letter for letter in bare if not unicodedata.combining(letter)))
