"""The 64-bit numbers that stand for token, reference and uri values in the ``tokens`` column.

A number is the hash of an element's path and one *form* of its value, so parameters that read the same element
(``patient`` and ``subject``, ``phone`` and ``telecom``) share their numbers. Forms:

- token ``system|code``, ``code``, ``system|``, ``|code`` (no system); a plain code has ``code`` only
- reference ``Type/id``, ``Type/`` (refers to that type), a url; its identifier as a token of ``path:identifier``
- uri: the text; a canonical also without its version
- ``*``: the element is there (``:missing``)

Hashes may collide: with 64 bits that is expected once in some hundred million different values of one path.
"""

from functools import lru_cache
from hashlib import blake2b

PRESENT = "*"
#: Appended to the path of the main code for codings after the first, which the ``code`` column does not hold.
FURTHER = "#"


def token_hash(path: str, form: str) -> int:
    """The number of one form of one path's value: the same in every process and release."""
    digest = blake2b(f"{path}\0{form}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


#: For values that come again and again (codes, people in a batch).
cached_hash = lru_cache(maxsize=65536)(token_hash)


@lru_cache(maxsize=65536)
def coding_hashes(path: str, system: str, code: str) -> tuple[int, ...]:
    """The numbers of a Coding."""
    if not code:
        return (token_hash(path, f"{system}|"),) if system else ()
    if not system:
        return token_hash(path, code), token_hash(path, f"|{code}")
    return token_hash(path, f"{system}|{code}"), token_hash(path, code), token_hash(path, f"{system}|")
