"""How a text is folded before it is compared: ``Nguyễn Văn Đức`` and ``NGUYEN VAN DUC`` are the same."""

import unicodedata
from functools import lru_cache


@lru_cache(maxsize=8192)
def fold(text: str) -> str:
    """No case, no diacritics, single spaces, composed form (NFC)."""
    if text.isascii():
        return " ".join(text.lower().split())
    plain = text.casefold().replace("đ", "d")
    letters = (char for char in unicodedata.normalize("NFD", plain) if unicodedata.category(char) != "Mn")
    return " ".join(unicodedata.normalize("NFC", "".join(letters)).split())
