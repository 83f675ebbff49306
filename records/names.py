"""Vietnamese names: found with or without diacritics, and listed given name first.

A syllable is a base word plus one of six tones. Tone marks move between vowels by spelling habit (hoà = hòa), so both
the folded form and the sort key are made from decomposed syllables, where the place of the mark does not matter.
"""

import unicodedata
from collections.abc import Sequence

# The Vietnamese alphabet with the four foreign letters in their usual places; a letter's index is its rank.
ALPHABET = "aăâbcdđeêfghijklmnoôơpqrstuưvwxyz"
# One ASCII character for each letter, in the same order.
_RANK = dict(zip(ALPHABET, "0123456789ABCDEFGHIJKLMNOPQRSTUVW", strict=True))
# Combining marks in dictionary order of tones: huyền, hỏi, ngã, sắc, nặng; without a mark the tone is 0.
_TONES = {"\u0300": "1", "\u0309": "2", "\u0303": "3", "\u0301": "4", "\u0323": "5"}
_SHAPES = {"\u0306", "\u0302", "\u031b"}  # breve, circumflex, horn: part of the letter, not a tone

# Enough to tell "Nguyen Van Duc" from "Adolfo Marquardt" where a name has no text of its own.
_FAMILY_NAMES = """
an bach bui cao chu cu dam dang dao diep dinh do doan dong du duong giang ha han ho hoang hua huynh khuat khuong
kieu la lai lam le lo luc luong luu luyen ly ma mac mai nghiem ngo nguy nguyen nham ninh nong ong pham phan phi pho
phung quach quan ta tang thach thai than thieu tieu to ton tong tran trieu trinh truong tu tuong vi vo vu vuong xa
"""
FAMILY_NAMES = frozenset(_FAMILY_NAMES.split())


def fold(text: str) -> str:
    """Small letters without diacritics, đ as d, words apart by one blank: the form in which names are compared."""
    marks_off = (char for char in unicodedata.normalize("NFD", text.casefold()) if not unicodedata.combining(char))
    return " ".join("".join(marks_off).replace("đ", "d").split())


def syllable_key(word: str) -> str:
    """One word as ASCII that sorts as Vietnamese does: letters first, then the tone, whatever vowel bears the mark."""
    tone = "0"
    letters: list[str] = []
    for char in unicodedata.normalize("NFD", word.casefold()):
        if char in _TONES:
            tone = _TONES[char]
        elif char in _SHAPES and letters:
            letters[-1] = unicodedata.normalize("NFC", letters[-1] + char)
        elif not unicodedata.combining(char):
            letters.append(char)
    return "".join(map(_ascii, letters)) + "." + tone


def sort_key(full_name: str) -> str:
    """The stored key of Vietnamese order: given name, then family name, then middle names.

    The last word is the given name. Of a name in Western order that is the family name, which is how those are listed.
    """
    words = full_name.split()
    ordered = words[-1:] + words[:1] + words[1:-1] if len(words) > 1 else words
    return " ".join(syllable_key(word) for word in ordered)


def split_name(full_name: str) -> tuple[str, list[str]]:
    """Family name and the rest word by word, of a name in Vietnamese order: ("Nguyễn", ["Văn", "Đức"])."""
    family, *given = unicodedata.normalize("NFC", full_name).split() or [""]
    return family, given


def join_name(family: str, given: Sequence[str]) -> str:
    """The full name when only its parts are known: Vietnamese order for a Vietnamese family name, otherwise Western.

    A family name counts as Vietnamese by its first word, so that "Nguyen" without diacritics and double names do too.
    """
    family, first_names = " ".join(family.split()), " ".join(" ".join(given).split())
    if (fold(family).split() or [""])[0] in FAMILY_NAMES:
        return unicodedata.normalize("NFC", f"{family} {first_names}".strip())
    return unicodedata.normalize("NFC", f"{first_names} {family}".strip())


def _ascii(letter: str) -> str:
    if letter in _RANK:
        return _RANK[letter]
    if letter.isdigit() and letter.isascii():
        return "/" + letter  # before all letters
    return f"X{ord(letter):05x}" if letter.isalnum() else ""  # other scripts after all letters, punctuation not at all
