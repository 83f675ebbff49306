"""Whom a programme is for: ages, who is left out, who is at risk, how people are called, and which cancer it is."""

from dataclasses import dataclass
from decimal import Decimal

from screening.protocol.terms import Coding, Text


@dataclass(frozen=True, slots=True)
class Band:
    """Ages, in completed years and inclusive, with the tests offered; ``max_age`` None is open."""

    min_age: int
    max_age: int | None
    tests: tuple[str, ...]
    interval_months: int


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Why somebody in the age band is not screened, by the Condition and Procedure codes that say so.

    ``review_months``: it must be looked at again after so many months; None if it holds for life.
    """

    key: str
    name: Text
    codings: tuple[Coding, ...]
    review_months: int | None


@dataclass(frozen=True, slots=True)
class Threshold:
    """An Observation whose value says that somebody is at risk: at least so much of a UCUM unit."""

    coding: Coding
    at_least: Decimal
    unit: str


@dataclass(frozen=True, slots=True)
class Positive:
    """Observations by any of these codes whose coded value is one of ``values``, or that are interpreted as positive:
    a laboratory that sends the index of an immunoassay says in the interpretation what it means."""

    codings: tuple[Coding, ...]
    values: tuple[Coding, ...]


@dataclass(frozen=True, slots=True)
class Stopped:
    """An Observation whose value is the day on which the risk ended: it counts for so many years after it."""

    codings: tuple[Coding, ...]
    years: int


@dataclass(frozen=True, slots=True)
class RiskGroup:
    """People at higher risk, known by Condition codes, a measured amount or a positive result; ages and interval None
    are the band's. ``stopped``: until so long after the risk has ended; None if it lasts."""

    key: str
    name: Text
    codings: tuple[Coding, ...]
    observation: Threshold | None
    result: Positive | None
    stopped: Stopped | None
    min_age: int | None
    max_age: int | None
    interval_months: int | None


@dataclass(frozen=True, slots=True)
class Call:
    """The clocks of invitation, all in days; see the file for where each counts from."""

    invite_days_before: int
    remind_after_days: int
    nonresponse_after_days: int
    overdue_after_days: int
    attempts: int


@dataclass(frozen=True, slots=True)
class Cancer:
    """Which diagnoses (ICD-10, by their beginning) are this cancer.

    One found within ``interval_months`` of a negative result is an interval cancer.
    """

    icd10: tuple[str, ...]
    interval_months: int
