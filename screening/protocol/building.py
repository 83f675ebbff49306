"""Makes a Protocol of a file's raw values."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from screening.protocol.check_people import CALL_CLOCKS
from screening.protocol.codes import coding_of
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
    ComponentValue,
    Escalation,
    Exclusion,
    Finding,
    Kit,
    Positive,
    Protocol,
    Reason,
    RiskGroup,
    Span,
    Step,
    Stopped,
    Test,
    TestCode,
    Threshold,
    Unit,
)


def _codings(texts: Iterable[str]) -> tuple[Coding, ...]:
    return tuple(coding_of(text) for text in texts)


def _number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def build_protocol(raw: dict[str, Any]) -> Protocol:
    """The values of a file that the check has found no fault in."""
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
    seen, result, stopped = raw.get("observation"), raw.get("result"), raw.get("stopped")
    return RiskGroup(
        key=raw["key"],
        name=raw["name"],
        codings=_codings(raw.get("codes", ())),
        observation=Threshold(coding_of(seen["code"]), Decimal(seen["at_least"]), seen["unit"]) if seen else None,
        result=Positive(_codings(result["codes"]), _codings(result["any_of"])) if result else None,
        stopped=Stopped(_codings(stopped["codes"]), stopped["years"]) if stopped else None,
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
                {
                    value["key"]: ComponentValue(
                        value["key"],
                        value["label"],
                        _codings(value["codes"]),
                        value.get("leads_to"),
                        value.get("wording", ""),
                    )
                    for value in item["values"]
                },
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
