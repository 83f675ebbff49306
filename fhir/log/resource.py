"""A line of the access log as an AuditEvent."""

from datetime import UTC
from typing import Any, Final

from django.conf import settings

from fhir.definitions import resource_types
from fhir.ids import is_id
from fhir.log.meanings import Coding, meaning_of, own_system
from healthhub.accounts.actors import Actor
from healthhub.audit.models import AccessEntry

_IP_ADDRESS: Final = "2"  # network-type


def audit_event(line: AccessEntry, *, reader: Actor) -> dict[str, Any]:
    """Who, as which role, for which facility, by which app and from where; what, about whom, on which page.

    Where somebody else sat is told to those who watch over the log, not to the person whom it is about.
    """
    meaning = meaning_of(line.action)
    own = {"system": own_system(), "code": line.action}
    return {
        "resourceType": "AuditEvent",
        "id": str(line.pk),
        "type": meaning.type.element(),
        "subtype": [*([meaning.subtype.element()] if meaning.subtype else []), own],
        "action": meaning.action,
        "recorded": line.at.astimezone(UTC).isoformat(timespec="milliseconds"),
        "outcome": meaning.outcome,
        "agent": _agents(line, located=not reader.patient or reader.id == line.actor),
        "source": {"observer": {"display": "HealthHub"}, "type": [_coding("security-source-type", "4")]},
        **({"entity": entities} if (entities := _entities(line)) else {}),
    }


def _agents(line: AccessEntry, *, located: bool) -> list[dict[str, Any]]:
    role = {"coding": [{"system": settings.FHIR_SYSTEMS["role"], "code": line.role}]}
    who = {"identifier": _actor(line.actor), **({"display": line.actor_name} if line.actor_name else {})}
    network = {"network": {"address": line.address, "type": _IP_ADDRESS}} if line.address and located else {}
    agents: list[dict[str, Any]] = [{"role": [role], "who": who, "requestor": True, **network}]
    if line.client:
        agents.append({"who": {"identifier": _actor(f"client:{line.client}")}, "requestor": False})
    if line.facility and is_id(line.facility):
        agents.append({"who": {"reference": f"Organization/{line.facility}"}, "requestor": False})
    return agents


def _actor(id_: str) -> dict[str, str]:
    return {"system": settings.FHIR_SYSTEMS["actor"], "value": id_}


def _entities(line: AccessEntry) -> list[dict[str, Any]]:
    entities: list[dict[str, Any]] = []
    if line.patient and is_id(line.patient):
        person = {"type": _coding("audit-entity-type", "1"), "role": _coding("object-role", "1")}
        entities.append({"what": {"reference": f"Patient/{line.patient}"}, **person})
    known = line.resource_type in resource_types()
    thing: dict[str, Any] = {}
    if known and is_id(line.resource_id) and (line.resource_type, line.resource_id) != ("Patient", line.patient):
        thing["what"] = {"reference": f"{line.resource_type}/{line.resource_id}"}
    elif line.resource_type and not (line.resource_type == "Patient" and entities):
        thing["name"] = " ".join(part for part in (line.resource_type, line.resource_id) if part)
    if line.reason:
        thing["detail"] = [{"type": "reason", "valueString": line.reason}]
    return [*entities, {**thing, "role": _coding("object-role", "4")}] if thing else entities


def _coding(system: str, code: str) -> dict[str, str]:
    return Coding(f"http://terminology.hl7.org/CodeSystem/{system}", code).element()
