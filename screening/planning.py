"""Protocols as FHIR: a PlanDefinition for each version, an ActivityDefinition for each of its tests and examinations.

So a clinic's software can read who a programme is for, which result leads to which step, and by when.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import Any, Final

from django.conf import settings
from django.utils import timezone

from fhir.store import Draft, Saved, save_many
from healthhub.accounts.actors import system_actor
from screening.plan_actions import activity_url, concept, displays_of, step_action, test_action
from screening.protocol import Protocol, protocols
from screening.protocol.codes import UCUM
from screening.protocol.shapes import (
    Band,
    Coding,
    Text,
)

PUBLISHER: Final = "Sở Y tế Hà Nội"
_PUBLISHING: Final = system_actor("protocols")
_CONTEXT = "http://terminology.hl7.org/CodeSystem/usage-context-type"
_PLAN_TYPE = "http://terminology.hl7.org/CodeSystem/plan-definition-type"
_GENDER = "http://hl7.org/fhir/administrative-gender"
_PATIENT = {"coding": [{"system": "http://hl7.org/fhir/resource-types", "code": "Patient"}]}


def publish(versions: Iterable[Protocol], *, known: Sequence[Protocol] | None = None, status: str = "") -> list[Saved]:
    """Save the definitions of these versions, by HealthHub itself; what says the same already is left as it is.

    ``known`` are all versions (those of ``protocols()``), which tell how long each is in force. ``status`` stands for
    all that are saved; without it each has that of ``status_on`` today.
    """
    today, known = timezone.localdate(), protocols() if known is None else known
    drafts = []
    for protocol in versions:
        drafts += [Draft.of(one) for one in resources(protocol, status or status_on(protocol, today, known), known)]
    return save_many(drafts, actor=_PUBLISHING) if drafts else []


def status_on(protocol: Protocol, on: date, known: Sequence[Protocol]) -> str:
    """draft before its first day, active, and retired once a later version is in force."""
    if protocol.valid_from > on:
        return "draft"
    later = [one for one in known if one.programme == protocol.programme and protocol.valid_from < one.valid_from <= on]
    return "retired" if later else "active"


def plan_id(protocol: Protocol) -> str:
    """The id of the PlanDefinition: ``colorectal-2026-1``."""
    return f"{protocol.programme}-{protocol.version}".replace(".", "-").replace("_", "-")


def plan_url(protocol: Protocol) -> str:
    """The canonical address, which all versions of a programme share."""
    return f"{settings.FHIR_SYSTEMS['plan']}/{protocol.programme}"


def resources(protocol: Protocol, status: str, known: Sequence[Protocol] = ()) -> list[dict[str, Any]]:
    """The PlanDefinition after the ActivityDefinitions that it refers to."""
    shared = _shared(protocol, status, known)
    activities = [
        *(_activity(protocol, shared, test.key, test.name, [code.coding for code in test.codes], displays_of(test))
          for test in protocol.tests.values()),
        *(_activity(protocol, shared, one.key, one.name, one.codings, {one.codings[0]: one.display})
          for one in protocol.assessments.values()),
    ]  # fmt: skip
    return [*activities, _plan(protocol, shared)]


def _shared(protocol: Protocol, status: str, known: Sequence[Protocol]) -> dict[str, Any]:
    starts = sorted(one.valid_from for one in known if one.programme == protocol.programme)
    end = next((after for first, after in pairwise(starts) if first == protocol.valid_from), None)
    period = {"start": protocol.valid_from.isoformat()}
    if end is not None:
        period["end"] = date.fromordinal(end.toordinal() - 1).isoformat()
    return {
        "version": protocol.version,
        "status": status,
        "experimental": False,
        "date": protocol.valid_from.isoformat(),
        "publisher": PUBLISHER,
        "jurisdiction": [{"coding": [{"system": "urn:iso:std:iso:3166", "code": "VN"}]}],
        "effectivePeriod": period,
    }


def _activity(
    protocol: Protocol,
    shared: Mapping[str, Any],
    key: str,
    name: Text,
    codings: Sequence[Coding],
    displays: Mapping[Coding, str],
) -> dict[str, Any]:
    return {
        "resourceType": "ActivityDefinition",
        "id": _activity_id(protocol, key),
        "url": activity_url(protocol, key),
        "name": _computable(f"{protocol.programme}_{key}"),
        "title": name["vi"],
        **shared,
        "subjectCodeableConcept": _PATIENT,
        "description": name["en"],
        "kind": "ServiceRequest",
        "code": concept(codings, name["vi"], displays),
        "intent": "order",
    }


def _plan(protocol: Protocol, shared: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "resourceType": "PlanDefinition",
        "id": plan_id(protocol),
        "url": plan_url(protocol),
        "identifier": [{"system": settings.FHIR_SYSTEMS["plan"], "value": f"{protocol.programme}@{protocol.version}"}],
        "name": _computable(f"{protocol.programme}_screening"),
        "title": protocol.name["vi"],
        "type": {"coding": [{"system": _PLAN_TYPE, "code": "clinical-protocol"}]},
        **shared,
        "subjectCodeableConcept": _PATIENT,
        "description": protocol.name["en"],
        "useContext": [*_sexes(protocol), *(_ages(band) for band in protocol.bands)],
        "relatedArtifact": [
            {"type": "citation", "label": key[:100], "citation": text} for key, text in protocol.sources.items()
        ],
        "action": [
            *(test_action(protocol, test) for test in protocol.tests.values()),
            *(step_action(protocol, step) for step in protocol.steps.values()),
        ],
    }


def _sexes(protocol: Protocol) -> list[dict[str, Any]]:
    if set(protocol.sexes) >= {"male", "female"}:
        return []
    return [
        {
            "code": {"system": _CONTEXT, "code": "gender"},
            "valueCodeableConcept": {"coding": [{"system": _GENDER, "code": sex} for sex in protocol.sexes]},
        }
    ]


def _ages(band: Band) -> dict[str, Any]:
    limits = {"low": band.min_age, "high": band.max_age}
    return {
        "code": {"system": _CONTEXT, "code": "age"},
        "valueRange": {
            name: {"value": age, "unit": "tuổi", "system": UCUM, "code": "a"}
            for name, age in limits.items()
            if age is not None
        },
    }


def _activity_id(protocol: Protocol, key: str) -> str:
    return f"{plan_id(protocol)}-{key}".replace("_", "-")[:64]


def _computable(text: str) -> str:
    return "".join(part.capitalize() for part in text.split("_"))
