"""What comes after a positive result: one chain to its end and two that wait on the way; and a cancer that screening
missed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from screening.assessing import build_assessment
from screening.demo.cast import days_ago, resident
from screening.demo.history import ICD10
from screening.demo.people import Person
from screening.demo.places import Site
from screening.demo.plan import Options
from screening.demo.sampling import Taken
from screening.demo.tags import META
from screening.protocol import protocol_for

_STATES = "http://terminology.hl7.org/CodeSystem"
_SIGMOID, _RECTUM = ("C18.7", "U ác đại tràng sigma"), ("C20", "U ác trực tràng")


@dataclass(frozen=True, slots=True)
class Act:
    """An examination of a chain, so many days ago; keys of the protocol."""

    assessment: str
    finding: str
    days: int
    note: str = ""
    tnm: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chain:
    """A FIT so many days ago, what was done since, and the cancer if there was one: (code, name, days)."""

    number: int
    days: int
    amount: str
    acts: Sequence[Act] = ()
    cancer: tuple[tuple[str, str], int] | None = None


CHAINS = (
    Chain(
        101, 212, "186.4",
        (
            Act("colonoscopy", "lesion_sampled", 172, "U sùi 25 mm ở đại tràng sigma, sinh thiết 4 mảnh."),
            Act("histology", "cancer", 163, "Ung thư biểu mô tuyến biệt hóa vừa."),
            Act("staging", "unspecified", 150, tnm={"t": "cT2", "n": "cN0", "m": "cM0"}),
            Act("mdt", "treat", 143, "Phẫu thuật nội soi cắt đại tràng sigma."),
            Act("treatment", "surgery", 121),
        ),
        (_SIGMOID, 163),
    ),  # treated: under surveillance now
    Chain(102, 74, "92.0", (Act("colonoscopy", "lesion_sampled", 19, "Polyp có cuống 12 mm, đã cắt."),)),  # report late
    Chain(
        103, 66, "133.6",
        (
            Act("colonoscopy", "lesion_sampled", 38, "Tổn thương loét 30 mm ở đại tràng phải."),
            Act("histology", "cancer", 27, "Ung thư biểu mô tuyến."),
            Act("staging", "unspecified", 10, tnm={"t": "cT3", "n": "cN1", "m": "cM0"}),
        ),
        (("C18.2", "U ác đại tràng lên"), 27),
    ),  # the team meets these days
    Chain(104, 301, "4.2", (), (_RECTUM, 41)),  # an interval cancer
)  # fmt: skip


def chain_tests(options: Options, clinic: Site) -> list[tuple[Taken, Chain]]:
    """The FIT with which each begins."""
    return [(_fit(options, clinic, chain), chain) for chain in CHAINS]


def chain_acts(options: Options, test: Taken, observation: str, chain: Chain) -> Iterator[dict[str, Any]]:
    """What followed the test, as far as the protocol of its day knows such steps."""
    protocol = protocol_for("colorectal", test.collected)
    for act in chain.acts:
        rule = protocol.assessments.get(act.assessment)
        if rule is None or act.finding not in rule.findings:
            return
        resource = build_assessment(
            rule=rule,
            finding=rule.findings[act.finding],
            patient_id=test.person.id,
            about=observation,
            facility=test.site.id,
            done_on=days_ago(options, act.days),
            note=act.note,
            tnm=act.tnm,
        )
        yield resource | {"id": f"{observation}-{act.assessment}", "meta": META}
    if chain.cancer:
        (code, name), days = chain.cancer
        yield _diagnosis(test.person, code, name, on=days_ago(options, days).isoformat())


def _fit(options: Options, clinic: Site, chain: Chain) -> Taken:
    collected = days_ago(options, chain.days)
    return Taken(
        person=resident(options, clinic, chain.number),
        site=clinic,
        test="fit",
        specimen=f"{collected:%y}-{900_000 + chain.number:06d}",
        collected=collected,
        resulted=days_ago(options, chain.days - 3),
        value=Decimal(chain.amount),
        unit="ug/g",
        kit="OC-Sensor",
    )


def _diagnosis(person: Person, code: str, name: str, *, on: str) -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "id": f"{person.id}-cancer",
        "meta": META,
        "clinicalStatus": {"coding": [{"system": f"{_STATES}/condition-clinical", "code": "active"}]},
        "verificationStatus": {"coding": [{"system": f"{_STATES}/condition-ver-status", "code": "confirmed"}]},
        "code": {"coding": [{"system": ICD10, "code": code, "display": name}], "text": name},
        "subject": {"reference": f"Patient/{person.id}"},
        "onsetDateTime": on,
        "recordedDate": on,
    }
