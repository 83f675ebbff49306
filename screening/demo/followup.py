"""What followed a positive result: the referral, and for less than half of the people the examination itself."""

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
from screening.protocol.shapes import Assessment, Coding, Step

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
        yield centre, examination(test, observation, what, done=done, finding=finding, centre=centre)


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
        "code": _concept(what),
        "subject": {"reference": f"Patient/{test.person.id}"},
        "occurrenceDateTime": what.by.isoformat(),
        "authoredOn": asked.isoformat(),
        "requester": {"reference": f"Organization/{test.site.id}"},
        "performer": [{"reference": f"Organization/{centre.id}"}],
        "reasonReference": [{"reference": f"Observation/{observation}"}],
    }


def examination(test: Taken, observation: str, what: Due, *, done: date, finding: str, centre: Site) -> dict[str, Any]:
    """The Procedure that the centre did, with its finding."""
    found = what.assessment.findings[finding]
    return {
        "resourceType": "Procedure",
        "id": f"{observation}-x",
        "meta": META,
        "basedOn": [{"reference": f"ServiceRequest/{observation}-s"}],
        "status": "completed",
        "code": _concept(what),
        "subject": {"reference": f"Patient/{test.person.id}"},
        "performedDateTime": done.isoformat(),
        "performer": [{"actor": {"reference": f"Organization/{centre.id}"}}],
        "reasonReference": [{"reference": f"Observation/{observation}"}],
        "outcome": {"coding": [_coding(found.codings[0])], "text": found.label["vi"]},
    }


def _concept(what: Due) -> dict[str, Any]:
    coding = _coding(what.assessment.codings[0]) | {"display": what.assessment.display}
    return {"coding": [coding], "text": what.assessment.name["vi"]}


def _coding(coding: Coding) -> dict[str, str]:
    return {"system": coding[0], "code": coding[1]}
