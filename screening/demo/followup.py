"""What followed a positive result: the referral, for less than half of the people the examination itself, and what
that asked for (treatment, surveillance)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any

from screening.demo import rates
from screening.demo.calendar import working_day
from screening.demo.places import Site
from screening.demo.sampling import PROGRAMMES, Taken
from screening.demo.tags import META
from screening.protocol import Protocol, protocol_for
from screening.protocol.shapes import UNSPECIFIED, Assessment, Coding, Step

_FINDINGS = {"colonoscopy": rates.COLONOSCOPY_FINDINGS, "colposcopy": rates.COLPOSCOPY_FINDINGS}


@dataclass(frozen=True, slots=True)
class Due:
    """The examination that a result calls for by its protocol."""

    step: Step
    assessment: Assessment
    by: date


def due(test: Taken, category: str) -> Due | None:
    """What the protocol of the day asks for after this category of result; None if it asks for no examination."""
    protocol: Protocol = protocol_for(PROGRAMMES[test.test], test.collected)
    found = protocol.category(test.test, category)
    step = protocol.steps.get(found.leads_to) if found and found.leads_to else None
    if step is None or step.assessment is None:
        return None
    return Due(step, protocol.assessments[step.assessment], step.due_on(test.resulted))


def follow_up(
    test: Taken, observation: str, what: Due, *, centre: Site, rng: Random
) -> Iterator[tuple[Site, dict[str, Any]]]:
    """The referral and the examination, each with the facility that wrote it; nothing for those who still wait."""
    chance = rng.random()
    if chance >= rates.ASSESSED + rates.REFERRED_ONLY:
        return
    assessed = chance < rates.ASSESSED
    asked = working_day(test.resulted + timedelta(days=rng.randint(0, 14)))
    request = referral(test, observation, what, asked=asked, centre=centre, done=assessed)
    yield test.site, request
    if assessed:
        wait = min(150, max(3, round(rng.lognormvariate(3.2, 0.6))))
        done = working_day(asked + timedelta(days=wait))
        weights = _FINDINGS[what.assessment.key]
        finding = rng.choices(list(weights), list(weights.values()))[0]
        yield centre, examination(test, observation, what.assessment, done=done, finding=finding, centre=centre)
        yield from _seen_through(test, observation, what.assessment, finding, done=done, centre=centre)


def _seen_through(
    test: Taken, observation: str, assessment: Assessment, finding: str, *, done: date, centre: Site
) -> Iterator[tuple[Site, dict[str, Any]]]:
    """What the finding led to, each act when it was due or soon after, to its end; random numbers of its own."""
    rng = Random(f"{observation}:onward")
    protocol = protocol_for(PROGRAMMES[test.test], test.collected)
    leads_to = assessment.findings[finding].leads_to
    for number in range(1, 4):
        step = protocol.steps[leads_to] if leads_to else None
        if step is None or step.assessment is None or rng.random() > rates.SEEN_THROUGH:
            return
        assessment = protocol.assessments[step.assessment]
        done = working_day(step.due_on(done) + timedelta(days=rng.randint(0, 45)))
        finding = _best(assessment)
        yield (
            centre,
            examination(
                test, observation, assessment, done=done, finding=finding, centre=centre, name=f"x{number}", asked=False
            ),
        )
        leads_to = assessment.findings[finding].leads_to


def _best(assessment: Assessment) -> str:
    """What most of them find: nothing new."""
    found = [key for key, one in assessment.findings.items() if one.discharges and key != UNSPECIFIED]
    return "normal" if "normal" in found else next(iter(found), UNSPECIFIED)


def referral(
    test: Taken, observation: str, what: Due, *, asked: date, centre: Site, done: bool = False
) -> dict[str, Any]:
    """The ServiceRequest by which the testing facility sends the person to the centre."""
    return {
        "resourceType": "ServiceRequest",
        "id": f"{observation}-s",
        "meta": META,
        "status": "completed" if done else "active",
        "intent": "order",
        "code": _concept(what.assessment),
        "subject": {"reference": f"Patient/{test.person.id}"},
        "occurrenceDateTime": what.by.isoformat(),
        "authoredOn": asked.isoformat(),
        "requester": {"reference": f"Organization/{test.site.id}"},
        "performer": [{"reference": f"Organization/{centre.id}"}],
        "reasonReference": [{"reference": f"Observation/{observation}"}],
    }


def examination(
    test: Taken,
    observation: str,
    assessment: Assessment,
    *,
    done: date,
    finding: str,
    centre: Site,
    name: str = "x",
    asked: bool = True,
) -> dict[str, Any]:
    """The Procedure that the centre did, with its finding; ``asked``: upon the referral."""
    found = assessment.findings[finding]
    outcome: dict[str, Any] = {"text": found.label["vi"]}
    if found.codings:
        outcome = {"coding": [_coding(found.codings[0])], **outcome}
    return {
        "resourceType": "Procedure",
        "id": f"{observation}-{name}",
        "meta": META,
        **({"basedOn": [{"reference": f"ServiceRequest/{observation}-s"}]} if asked else {}),
        "status": "completed",
        "code": _concept(assessment),
        "subject": {"reference": f"Patient/{test.person.id}"},
        "performedDateTime": done.isoformat(),
        "performer": [{"actor": {"reference": f"Organization/{centre.id}"}}],
        "reasonReference": [{"reference": f"Observation/{observation}"}],
        "outcome": outcome,
    }


def _concept(assessment: Assessment) -> dict[str, Any]:
    coding = _coding(assessment.codings[0]) | {"display": assessment.display}
    return {"coding": [coding], "text": assessment.name["vi"]}


def _coding(coding: Coding) -> dict[str, str]:
    return {"system": coding[0], "code": coding[1]}
