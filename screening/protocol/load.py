"""Reads the protocol files, and finds the rules for a day, a code or a word."""

import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

from django.conf import settings

from screening.protocol.check import CALL_CLOCKS, faults_of, faults_of_versions
from screening.protocol.shapes import (
    AT_ONCE,
    INVITED,
    Assessment,
    Band,
    Call,
    Cancer,
    Category,
    Coding,
    Component,
    Escalation,
    Exclusion,
    Finding,
    Kit,
    Protocol,
    Reason,
    RiskGroup,
    Span,
    Step,
    Test,
    TestCode,
    Threshold,
    Unit,
)
from screening.protocol.sharing import share_categories
from screening.protocol.words import key_of

FOLDER = Path(__file__).resolve().parent.parent / "protocols"
LOINC, SNOMED, UCUM = "http://loinc.org", "http://snomed.info/sct", "http://unitsofmeasure.org"
ICD10 = "http://hl7.org/fhir/sid/icd-10"


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
    return _protocol(raw)


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


def coding_of(text: str) -> Coding:
    """``loinc|27396-1`` as (system, code)."""
    system, _, code = text.partition("|")
    systems = {"loinc": LOINC, "snomed": SNOMED, "icd10": ICD10, "local": settings.FHIR_SYSTEMS["screening"]}
    return systems[system], code


def _codings(texts: Iterable[str]) -> tuple[Coding, ...]:
    return tuple(coding_of(text) for text in texts)


def _number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _protocol(raw: dict[str, Any]) -> Protocol:
    wording = {key: value for key, value in raw["wording"].items() if isinstance(value, dict)}
    return Protocol(
        programme=raw["programme"],
        version=raw["version"],
        valid_from=raw["valid_from"],
        name=raw["name"],
        sources=raw["sources"],
        sexes=tuple(raw["eligibility"]["sexes"]),
        age_counted=raw["eligibility"]["age_counted"],
        bands=tuple(
            Band(band["min_age"], band.get("max_age"), tuple(band["tests"]), band["interval_months"])
            for band in raw["eligibility"]["bands"]
        ),
        tests={key: _test(key, value) for key, value in raw["tests"].items()},
        steps={key: _step(key, value) for key, value in raw["steps"].items()},
        assessments={key: _assessment(key, value) for key, value in raw["assessments"].items()},
        reasons={
            key: Reason(
                key,
                {"vi": value["vi"], "en": value["en"]},
                value.get("ends", False),
                evidence=value.get("evidence", False),
                second=value.get("second", False),
            )
            for key, value in raw["reasons"].items()
        },
        wording=wording,
        wording_version=raw["wording"]["version"],
        wording_approved=raw["wording"]["approved"],
        mode=raw["eligibility"].get("mode", INVITED),
        residence=raw["eligibility"].get("residence", "city"),
        requires_risk_group=raw["eligibility"].get("requires_risk_group", False),
        exclusions=tuple(
            Exclusion(item["key"], item["name"], _codings(item["codes"]), item.get("review_months"))
            for item in raw["eligibility"].get("exclusions", ())
        ),
        risk_groups=tuple(_risk_group(item) for item in raw["eligibility"].get("risk_groups", ())),
        call=Call(**{name: raw["call"][name] for name in CALL_CLOCKS}) if "call" in raw else None,
        cancer=Cancer(tuple(raw["cancer"]["icd10"]), raw["cancer"]["interval_months"]) if "cancer" in raw else None,
    )


def _risk_group(raw: dict[str, Any]) -> RiskGroup:
    seen = raw.get("observation")
    return RiskGroup(
        key=raw["key"],
        name=raw["name"],
        codings=_codings(raw.get("codes", ())),
        observation=Threshold(coding_of(seen["code"]), Decimal(seen["at_least"]), seen["unit"]) if seen else None,
        min_age=raw.get("min_age"),
        max_age=raw.get("max_age"),
        interval_months=raw.get("interval_months"),
    )


def _test(key: str, raw: dict[str, Any]) -> Test:
    return Test(
        key=key,
        name=raw["name"],
        words=tuple(raw.get("words", ())),
        codes=tuple(
            TestCode(coding_of(code["code"]), code["display"], tuple(code.get("units", ()))) for code in raw["codes"]
        ),
        categories={
            name: Category(
                key=name,
                outcome=value["outcome"],
                label=value["label"],
                interpretation=value["interpretation"],
                codings=_codings(value["codes"]),
                words=tuple(value["words"]),
                wording=value["wording"],
                leads_to=value.get("leads_to"),
                next_months=value.get("next_months"),
                group=value.get("group", value["outcome"]),
                release=value.get("release", AT_ONCE),
                hold_days=value.get("hold_days", 0),
            )
            for name, value in raw["categories"].items()
        },
        units={
            unit["unit"]: Unit(
                unit["unit"], unit["display"], tuple(unit["spellings"]), _number(unit.get("default_cutoff"))
            )
            for unit in raw.get("units", ())
        },
        kits=tuple(_kit(kit) for kit in raw.get("kits", ())),
        part_of=raw.get("part_of"),
        at_or_above=raw.get("category_at_or_above", ""),
        below=raw.get("category_below", ""),
        entry=raw.get("entry", "single"),
        second_reading_of=raw.get("second_reading_of"),
        disagreement_leads_to=raw.get("disagreement_leads_to"),
        components=tuple(
            Component(
                item["key"],
                item["name"],
                _codings(item["codes"]),
                {value["key"]: (value["label"], _codings(value["codes"])) for value in item["values"]},
            )
            for item in raw.get("components", ())
        ),
    )


def _kit(raw: dict[str, Any]) -> Kit:
    cutoff, factor = raw.get("cutoff", {}), raw.get("factor")
    return Kit(
        name=raw["name"],
        aliases=tuple(raw["aliases"]),
        cutoff=_number(cutoff.get("value")),
        cutoff_unit=cutoff.get("unit", ""),
        factor=(factor["from"], factor["to"], Decimal(factor["times"])) if factor else None,
    )


def _step(key: str, raw: dict[str, Any]) -> Step:
    return Step(
        key=key,
        state=raw["state"],
        urgency=raw["urgency"],
        name=raw["name"],
        within=Span(raw.get("within_days", 0), raw.get("within_months", 0)),
        limit=Span(raw.get("limit_days", 0), raw.get("limit_months", 0)),
        owner=raw["owner"],
        discharged_by=tuple(raw["discharged_by"]),
        assessment=raw.get("assessment"),
        positive_leads_to=raw.get("positive_leads_to"),
        then_months=raw.get("then_months"),
        warn_days=raw["warn_days"],
        escalate=tuple(Escalation(item["to"], item["after_days"]) for item in raw["escalate"]),
    )


def _assessment(key: str, raw: dict[str, Any]) -> Assessment:
    return Assessment(
        key=key,
        name=raw["name"],
        display=raw["display"],
        codings=_codings(raw["codes"]),
        findings={
            finding["key"]: Finding(
                finding["key"],
                finding["label"],
                _codings(finding["codes"]),
                finding.get("next_months"),
                finding.get("discharges", True),
                finding.get("leads_to"),
                finding.get("ends", False),
            )
            for finding in raw["findings"]
        },
        kind=raw.get("kind", "procedure"),
    )
