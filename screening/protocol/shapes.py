"""What a protocol consists of: immutable values, read from ``screening/protocols/*.toml``."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from screening.protocol.shapes_people import Band, Call, Cancer, Exclusion, Positive, RiskGroup, Stopped, Threshold
from screening.protocol.shapes_steps import Assessment, Escalation, Finding, Reason, Span, Step
from screening.protocol.shapes_tests import Category, Component, ComponentValue, Kit, Test, TestCode, Unit
from screening.protocol.terms import (
    AFTER_CONTACT,
    AT_ONCE,
    DECEASED,
    DECISION,
    DOUBLE,
    INADEQUATE,
    INVITED,
    NEGATIVE,
    OPPORTUNISTIC,
    OUTCOMES,
    POSITIVE,
    PROCEDURE,
    REPORT,
    STAGING,
    TREATMENT,
    UNCLASSIFIED,
    UNSPECIFIED,
    VERIFY,
    Coding,
    Text,
)

__all__ = [
    "AFTER_CONTACT",
    "AT_ONCE",
    "DECEASED",
    "DECISION",
    "DOUBLE",
    "INADEQUATE",
    "INVITED",
    "NEGATIVE",
    "OPPORTUNISTIC",
    "OUTCOMES",
    "POSITIVE",
    "PROCEDURE",
    "REPORT",
    "STAGING",
    "TREATMENT",
    "UNCLASSIFIED",
    "UNSPECIFIED",
    "VERIFY",
    "Assessment",
    "Band",
    "Call",
    "Cancer",
    "Category",
    "Coding",
    "Component",
    "ComponentValue",
    "Escalation",
    "Exclusion",
    "Finding",
    "Kit",
    "Positive",
    "Protocol",
    "Reason",
    "RiskGroup",
    "Span",
    "Step",
    "Stopped",
    "Test",
    "TestCode",
    "Text",
    "Threshold",
    "Unit",
]


@dataclass(frozen=True, slots=True)
class Protocol:
    """One version of one programme's rules. ``wording`` is key -> language -> verdict, meaning, next."""

    programme: str
    version: str
    valid_from: date
    name: Text
    sources: Mapping[str, str]
    sexes: tuple[str, ...]
    age_counted: str
    bands: tuple[Band, ...]
    tests: Mapping[str, Test]
    steps: Mapping[str, Step]
    assessments: Mapping[str, Assessment]
    reasons: Mapping[str, Reason]
    wording: Mapping[str, Mapping[str, Mapping[str, str]]]
    wording_version: int
    mode: str = INVITED
    residence: str = "city"
    requires_risk_group: bool = False
    exclusions: tuple[Exclusion, ...] = ()
    risk_groups: tuple[RiskGroup, ...] = ()
    call: Call | None = None
    cancer: Cancer | None = None

    def category(self, test: str, key: str) -> Category | None:
        """The category, or None for a result that could not be classified or is no longer in this version."""
        found = self.tests.get(test)
        return found.categories.get(key) if found else None

    def finding(self, assessment: str, key: str) -> Finding | None:
        """The finding, or None if this version does not know it."""
        found = self.assessments.get(assessment)
        return found.findings.get(key) if found else None
