"""References in the text of a resource: found and replaced without touching anything else.

Each pattern starts with plain characters, so that the search for it runs at full speed, and then looks back: a quote
preceded by a backslash stands inside a string, so there no token starts.
"""

import re
from collections.abc import Iterator, Mapping
from json.decoder import scanstring  # type: ignore[attr-defined]
from json.encoder import encode_basestring

_reference = re.compile(r'"reference"(?<!\\"reference")\s*:\s*"((?:[^"\\]|\\.)*)"')
_urn = re.compile(r'"urn:(?<!\\"urn:)(?:uuid|oid):[^"\\]+"')
_link = re.compile(r"""(?:\bhref|\bsrc)\s*=\s*(?:\\"([^"\\]*)\\"|'([^'"\\]*)')""")
#: Members whose values are not links even if they look like one: Identifier.value, strings, canonicals.
_not_a_link = re.compile(r'"(?:value|valueString|value\w*Canonical|instantiatesCanonical|profile)"\s*:\s*\Z').search


def rewrite_references(raw_text: str, mapping: Mapping[str, str]) -> str:
    """Replace the references that ``mapping`` names, and touch nothing else.

    Replaced are ``"reference"`` values (any string that is a key: absolute fullUrls, ``Patient?identifier=…``),
    ``urn:uuid:``/``urn:oid:`` strings wherever a uri may stand, and ``href``/``src`` in the narrative.
    """
    if not mapping:
        return raw_text

    def reference(found: re.Match[str]) -> str:
        old = found[1]
        new = mapping.get(_plain(old) if "\\" in old else old)
        if new is None:
            return found[0]
        return found[0][: found.start(1) - found.start()] + _escaped(new) + '"'

    def urn(found: re.Match[str]) -> str:
        new = mapping.get(found[0][1:-1])
        if new is None or _not_a_link(found.string, max(0, found.start() - 60), found.start()):
            return found[0]
        return f'"{_escaped(new)}"'

    def link(found: re.Match[str]) -> str:
        old = found[found.lastindex or 1]
        new = mapping.get(old)
        return found[0] if new is None else found[0].replace(old, _escaped(new))

    text = _reference.sub(reference, raw_text)
    if '"urn:' in text:
        text = _urn.sub(urn, text)
    if "href" in text or "src" in text:
        text = _link.sub(link, text)
    return text


def _escaped(value: str) -> str:
    return encode_basestring(value)[1:-1]


def _plain(token: str) -> str:
    """The string that a token with escapes stands for."""
    return scanstring(token + '"', 0)[0]


def reference_strings(raw_text: str) -> Iterator[str]:
    """Every ``"reference"`` value in the text, as often as it stands there."""
    for found in _reference.finditer(raw_text):
        value = found[1]
        yield _plain(value) if "\\" in value else value
