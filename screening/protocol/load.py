"""Reads the protocol files, and finds the rules for a day, a code or a word."""

import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

from screening.protocol.building import build_protocol
from screening.protocol.check import faults_of, faults_of_versions
from screening.protocol.shapes import Coding, Protocol, TestCode
from screening.protocol.sharing import share_categories
from screening.protocol.words import key_of

FOLDER = Path(__file__).resolve().parent.parent / "protocols"


class ProtocolError(Exception):
    """A protocol file that must not take effect; the message lists every fault with its place."""


class Match(NamedTuple):
    """Which test of which programme a code belongs to."""

    programme: str
    test: str
    code: TestCode


def parse(text: str, *, name: str = "protocol") -> Protocol:
    """A protocol from TOML text. Raises ProtocolError with all faults."""
    try:
        raw = share_categories(tomllib.loads(text))
        faults = faults_of(raw)
    except tomllib.TOMLDecodeError as error:
        faults = [str(error)]
    if faults:
        raise ProtocolError("\n".join(f"{name}: {fault}" for fault in faults))
    return build_protocol(raw)


class Source(NamedTuple):
    """A protocol's text as it came. ``valid_from`` is the day chosen at its activation; None: that of the text."""

    name: str
    text: str
    valid_from: date | None = None


Answer = TypeVar("Answer", bound=Callable[..., Any])
_activated: tuple[Source, ...] = ()
_kept: list[Callable[[], None]] = []


def keep(function: Answer) -> Answer:
    """Cache what a function makes of the protocols, until their set changes."""
    cached = cache(function)
    _kept.append(cached.cache_clear)
    return cast("Answer", cached)


def use_activated(versions: Iterable[Source]) -> None:
    """Take these versions beside the files from now on. Raises ProtocolError, and then all stays as it was."""
    global _activated
    before, _activated = _activated, tuple(versions)
    if before != _activated:
        try:
            forget()
            protocols()
        except ProtocolError:
            _activated = before
            forget()
            raise


def forget() -> None:
    """Drop all that was made of the protocols."""
    for clear in _kept:
        clear()


@keep
def _loaded() -> tuple[tuple[Protocol, Source], ...]:
    files = [Source(path.name, path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.toml"))]
    found = [(of_source(source), source) for source in (*files, *_activated)]
    if faults := faults_of_versions([protocol for protocol, _ in found]):
        raise ProtocolError("\n".join(faults))
    return tuple(sorted(found, key=lambda pair: (pair[0].programme, pair[0].valid_from)))


def of_source(source: Source) -> Protocol:
    """The protocol of a text, with the day chosen at its activation. Raises ProtocolError."""
    found = parse(source.text, name=source.name)
    return replace(found, valid_from=source.valid_from) if source.valid_from else found


@keep
def protocols() -> tuple[Protocol, ...]:
    """All versions of all programmes, by programme and first day. Raises ProtocolError."""
    return tuple(protocol for protocol, _ in _loaded())


def source_of(programme: str, version: str) -> Source | None:
    """The text of a known version."""
    return next(
        (source for protocol, source in _loaded() if (protocol.programme, protocol.version) == (programme, version)),
        None,
    )


@keep
def protocol_for(programme: str, on: date) -> Protocol:
    """The version in force on that day; the first version also reads what is older than it. KeyError if unknown."""
    versions = [protocol for protocol in protocols() if protocol.programme == programme]
    if not versions:
        raise KeyError(programme)
    return next((protocol for protocol in reversed(versions) if protocol.valid_from <= on), versions[0])


def current(programme: str) -> Protocol:
    """The newest version of a programme, for lists of tests and words."""
    return protocol_for(programme, date.max)


def programmes() -> list[str]:
    """The keys of all programmes."""
    return list(dict.fromkeys(protocol.programme for protocol in protocols()))


@keep
def _tests_by_code() -> dict[Coding, Match]:
    return {
        code.coding: Match(protocol.programme, test.key, code)
        for protocol in protocols()
        for test in protocol.tests.values()
        for code in test.codes
    }


def find_test(codings: Iterable[Mapping[str, Any]]) -> Match | None:
    """The test that one of an Observation's ``code.coding`` names, in any version of any programme."""
    known = _tests_by_code()
    for coding in codings:
        if match := known.get((coding.get("system", ""), coding.get("code", ""))):
            return match
    return None


@keep
def _tests_by_word() -> dict[str, tuple[str, str]]:
    return {
        key_of(word): (protocol.programme, test.key)
        for protocol in protocols()
        for test in protocol.tests.values()
        for word in (test.key, *test.words)
    }


def named_test(word: str) -> tuple[str, str] | None:
    """(programme, test) for a word of either language, as a file's column "test" holds it."""
    return _tests_by_word().get(key_of(word))


def known_tests() -> list[str]:
    """The tests of all programmes by key, in the programmes' order: what a file's column "test" can always hold."""
    return list(dict.fromkeys(test for _programme, test in _tests_by_word().values()))


@keep
def _assessments_by_code() -> dict[Coding, tuple[str, str]]:
    return {
        coding: (protocol.programme, assessment.key)
        for protocol in protocols()
        for assessment in protocol.assessments.values()
        for coding in assessment.codings
    }


def find_assessment(codings: Iterable[Mapping[str, Any]]) -> tuple[str, str] | None:
    """(programme, assessment) that one of a ServiceRequest's or Procedure's codings names."""
    known = _assessments_by_code()
    for coding in codings:
        if found := known.get((coding.get("system", ""), coding.get("code", ""))):
            return found
    return None
