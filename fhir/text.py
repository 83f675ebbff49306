"""Works on the text of resources, so that what arrives is what is kept.

A resource is parsed once, strictly; its stored text is put together from slices of the text that was sent. Number
tokens, strings and their escapes are never read and written again: ``12.500`` stays ``12.500``.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from json.decoder import scanstring  # type: ignore[attr-defined]
from json.encoder import encode_basestring
from typing import Any, NoReturn

import orjson

from fhir.links import reference_strings as reference_strings
from fhir.links import rewrite_references as rewrite_references
from fhir.outcomes import Refused, refuse

#: name -> (start of the quoted name, start of the value, end of the value), offsets into the text
Spans = dict[str, tuple[int, int, int]]

_white = r"[ \t\n\r]*"
_name = r'("[^"\\\x00-\x1f]*(?:\\.[^"\\\x00-\x1f]*)*")'
_space = re.compile(_white).match
_first_member = re.compile(rf"\{{{_white}(?:(\}})|{_name}{_white}:{_white})").match
_next_member = re.compile(rf"{_white}(?:(\}})|,{_white}{_name}{_white}:{_white})").match
#: Raw line breaks cannot stand inside a JSON string, so these runs are always insignificant.
_indentation = re.compile(r"\r?\n[ \t\r\n]*").sub


#: Reads the value that starts at an offset of a text; returns it with its end.
Reader = Callable[[str, int], tuple[Any, int]]


class _Unreadable(ValueError):
    """A fault that the scanner reports without a position."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _Unreadable(f"the member {twice!r} stands twice in one object")
    return members


def _constant(token: str) -> NoReturn:
    raise _Unreadable(f"{token} is not a JSON number")


#: The C scanner: ``_scan(text, index) -> (value, end)``; StopIteration(index) where no value begins.
_decoder = json.JSONDecoder(object_pairs_hook=_object, parse_float=Decimal, parse_constant=_constant)
_scan: Reader = _decoder.scan_once  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed JSON object and where its members stand in the text that was sent.

    ``resource`` holds non-integer numbers as exact ``Decimal``. ``text`` may be larger than the resource itself: for
    an entry of a Bundle it is the Bundle's text, ``start`` and ``end`` say which part is this resource.
    """

    text: str
    resource: dict[str, Any]
    spans: Spans
    start: int
    end: int

    @property
    def raw(self) -> str:
        """The text of this resource exactly as it was sent."""
        return self.text[self.start : self.end]

    @classmethod
    def of(cls, resource: dict[str, Any]) -> "Document":
        """The document of a resource that was built in Python."""
        spans: Spans = {}
        parts: list[str] = []
        at = 1
        for name, value in resource.items():
            quoted, written = encode_basestring(name), serialise(value)
            begin = at + len(quoted) + 1
            spans[name] = (at, begin, begin + len(written))
            parts.append(f"{quoted}:{written}")
            at = begin + len(written) + 1
        text = "{" + ",".join(parts) + "}"
        return cls(text, resource, spans, 0, len(text))

    def rewritten(self, mapping: Mapping[str, str]) -> "Document":
        """This document with its references replaced (see ``rewrite_references``), parsed anew if any was."""
        raw = self.raw
        text = rewrite_references(raw, mapping)
        return self if text == raw else parse(text)


@dataclass(frozen=True, slots=True)
class BundleEntry:
    """One entry: ``entry`` is the parsed entry (fullUrl, request, …), ``document`` its resource, if it has one."""

    entry: dict[str, Any]
    document: Document | None


@dataclass(frozen=True, slots=True)
class BundleText:
    """A Bundle taken apart: the whole as one document, and each entry with its resource's own text."""

    document: Document
    entries: list[BundleEntry]


def parse(text: str | bytes) -> Document:
    """Read one JSON object strictly; Refused(400) says what is wrong and at which line and column.

    Strict: UTF-8, a single object, no member twice in an object at any level, no NaN or Infinity, nothing after it.
    """
    content = _decode(text)
    return _guarded(content, _document)


def split_bundle(text: str | bytes) -> BundleText:
    """Read a Bundle so that each entry's resource can be stored with its own text. Refuses (400) as ``parse`` does."""
    content = _decode(text)
    return _guarded(content, _bundle)


def _decode(text: str | bytes) -> str:
    if isinstance(text, str):
        return text.removeprefix("\ufeff")
    try:
        return text.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise _refusal(f"byte {error.start + 1} of the body is not UTF-8") from error


def _skip_space(text: str, at: int) -> int:
    found = _space(text, at)
    return found.end() if found else at


def _guarded(text: str, read: Reader) -> Any:
    """Run a reader over the whole text and turn its faults into refusals with a place."""
    try:
        start = _skip_space(text, 0)
        if text[start : start + 1] != "{":
            _fail("a FHIR resource is one JSON object and starts with '{'", text, start)
        result, end = read(text, start)
        end = _skip_space(text, end)
        if end != len(text):
            _fail("there is more text after the end of the object", text, end)
        return result
    except json.JSONDecodeError as error:
        raise _refusal(error.msg, error.doc, error.pos) from error
    except StopIteration as error:
        raise _refusal("a value is expected here", text, error.value) from error
    except RecursionError as error:
        raise _refusal("the objects and arrays are nested too deeply") from error
    except (ValueError, ArithmeticError) as error:  # a doubled member, NaN, a number of absurd length
        message = str(error) if isinstance(error, _Unreadable) else "a number is too long or too large"
        raise _refusal(message, *_culprit(text)) from error


def _culprit(text: str) -> tuple[str | None, int]:
    """The text and the place of the innermost value that the scanner refuses without saying where.

    Every value is scanned again from its own start, which would take too long in a large text: there, no place.
    """
    place = 0
    if len(text) > 50_000:
        return None, 0
    for found in re.finditer(r"[{\[,:][ \t\n\r]*", text):
        try:
            _scan(text, found.end())
        except (_Unreadable, ArithmeticError):
            place = found.end()
        except (ValueError, StopIteration, RecursionError) as error:
            if isinstance(error, ValueError) and not isinstance(error, json.JSONDecodeError):
                place = found.end()
    return text, place


def _fail(message: str, text: str, at: int) -> NoReturn:
    raise json.JSONDecodeError(message, text, at)


def _refusal(message: str, text: str | None = None, at: int = 0) -> Refused:
    where = ""
    if text is not None:
        line = text.count("\n", 0, at) + 1
        where = f" at line {line}, column {at - text.rfind(chr(10), 0, at)}"
    return refuse(400, "structure", f"The body is not readable JSON{where}: {message}.")


def _members(text: str, start: int, special: Mapping[str, Reader] | None = None) -> tuple[dict[str, Any], Spans, int]:
    """Read the object that starts at ``start``: its members, where they stand, and where it ends.

    ``special`` maps a member name to the reader that is used for its value in place of the scanner.
    """
    members: dict[str, Any] = {}
    spans: Spans = {}
    found = _first_member(text, start)
    end = start + 1
    while True:
        if found is None:
            _explain(text, end, first=not members)
        begin = found.end()
        token = found[2]
        if token is None:
            return members, spans, begin
        name = scanstring(token, 1)[0] if "\\" in token else token[1:-1]
        if name in members:
            _fail(f"the member {name!r} stands twice in one object", text, found.start(2))
        read = special.get(name, _scan) if special else _scan
        members[name], end = read(text, begin)
        spans[name] = (found.start(2), begin, end)
        found = _next_member(text, end)


def _explain(text: str, at: int, *, first: bool) -> NoReturn:
    """Say what is wrong where no member and no end of the object could be read."""
    at = _skip_space(text, at)
    if not first:
        if text[at : at + 1] != ",":
            _fail("a ',' or '}' is expected here", text, at)
        at = _skip_space(text, at + 1)
    if text[at : at + 1] != '"':
        _fail("a member name in double quotes is expected here", text, at)
    _, at = scanstring(text, at + 1)
    _fail("a ':' is expected here", text, _skip_space(text, at))


def _document(text: str, start: int) -> tuple[Document, int]:
    members, spans, end = _members(text, start)
    return Document(text, members, spans, start, end), end


def _bundle(text: str, start: int) -> tuple[BundleText, int]:
    entries: list[BundleEntry] = []

    def read_resource(text: str, at: int) -> tuple[Any, int]:
        if text[at : at + 1] != "{":
            return _scan(text, at)
        document, end = _document(text, at)
        documents.append(document)
        return document.resource, end

    def read_entry(text: str, at: int) -> tuple[Any, int]:
        documents.clear()
        members, _, end = _members(text, at, {"resource": read_resource})
        entries.append(BundleEntry(members, documents[0] if documents else None))
        return members, end

    def read_entries(text: str, at: int) -> tuple[Any, int]:
        if text[at : at + 1] != "[":
            return _scan(text, at)
        return _array(text, at, read_entry)

    documents: list[Document] = []
    members, spans, end = _members(text, start, {"entry": read_entries})
    return BundleText(Document(text, members, spans, start, end), entries), end


def _array(text: str, start: int, read: Reader) -> tuple[list[Any], int]:
    """Read an array whose objects are read by ``read``; anything else in it goes through the scanner."""
    items: list[Any] = []
    at = _skip_space(text, start + 1)
    if text[at : at + 1] == "]":
        return items, at + 1
    while True:
        value, end = read(text, at) if text[at : at + 1] == "{" else _scan(text, at)
        items.append(value)
        end = _skip_space(text, end)
        char = text[end : end + 1]
        if char == "]":
            return items, end + 1
        if char != ",":
            _fail("a ',' or ']' is expected here", text, end)
        at = _skip_space(text, end + 1)


def compose(document: Document, *, id: str, version: int | str, last_updated: datetime | str) -> str:
    """The text to store: type, our id and meta first, then all other members exactly as they were sent, in order.

    Of the client's ``meta`` everything stays but ``versionId`` and ``lastUpdated``. Only line breaks and indentation
    are taken out.
    """
    text, spans = document.text, document.spans
    if not isinstance(last_updated, str):
        last_updated = instant(last_updated)
    parts = [
        f'{{"resourceType":"{document.resource["resourceType"]}","id":"{id}",'
        f'"meta":{{"versionId":"{version}","lastUpdated":"{last_updated}"'
    ]
    if "meta" in spans and isinstance(document.resource["meta"], dict):
        _, inner, _ = _members(text, spans["meta"][1])
        parts += [f",{text[start:end]}" for name, (start, _, end) in inner.items() if name.lstrip("_") not in _OUR_META]
    parts.append("}")
    parts += [f",{text[start:end]}" for name, (start, _, end) in spans.items() if name not in _OURS]
    parts.append("}")
    composed = "".join(parts)
    return _indentation("", composed) if "\n" in composed else composed


_OURS = frozenset({"resourceType", "id", "meta"})
_OUR_META = frozenset({"versionId", "lastUpdated"})


def instant(moment: datetime) -> str:
    """A FHIR instant in UTC with milliseconds, or microseconds where there are any: ``2025-07-01T08:30:00.000Z``."""
    utc = moment.astimezone(UTC).replace(tzinfo=None)
    return utc.isoformat(timespec="microseconds" if utc.microsecond % 1000 else "milliseconds") + "Z"


def serialise(value: Any) -> str:
    """JSON of what was built in Python; a ``Decimal`` is written with all its digits."""
    return orjson.dumps(value, default=_exact).decode()


def _exact(value: Any) -> Any:
    if isinstance(value, Decimal) and value.is_finite():
        return orjson.Fragment(str(value))
    raise TypeError(f"{type(value).__name__} {value!r} has no place in a FHIR resource")
