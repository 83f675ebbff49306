"""Schedule, Slot and Appointment of ours: the codes they carry, how they are built, how they are read."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from django.conf import settings

from records.reading import reference_id
from screening.facts import ZONE
from screening.models.appointments import OpenTo, SessionKind

_BASE: Final = "https://healthhub.example/fhir/StructureDefinition"
PLACES: Final = f"{_BASE}/slot-places"  # Slot: valuePositiveInt, 1 without it
OPEN_TO: Final = f"{_BASE}/schedule-open-to"  # Schedule: valueCode own | staff | citizens, own without it
SERIES: Final = f"{_BASE}/schedule-series"  # Schedule: valueString
WALK_IN: Final = {"system": "http://terminology.hl7.org/CodeSystem/v2-0276", "code": "WALKIN"}


@dataclass(frozen=True, slots=True)
class Service:
    """What an appointment is for. A yearly check has no programme; only an assessment has a step."""

    kind: str
    programme: str = ""
    step: str = ""


@dataclass(frozen=True, slots=True)
class SessionShape:
    """A Schedule as we read it."""

    service: Service
    starts_at: datetime
    ends_at: datetime
    place: str
    open_to: str
    active: bool
    series: str


@dataclass(frozen=True, slots=True)
class SlotShape:
    """A Slot as we read it."""

    schedule: str
    starts_at: datetime
    ends_at: datetime
    places: int
    status: str

    @property
    def open(self) -> bool:
        """Whether the facility offers it; full is still open."""
        return self.status in ("free", "busy", "busy-tentative")


@dataclass(frozen=True, slots=True)
class AppointmentShape:
    """An Appointment as we read it; `service` matters only while it waits for a place."""

    patient: str | None
    slot: str | None
    service: Service | None
    status: str
    walk_in: bool
    starts_at: datetime | None
    ends_at: datetime | None
    created: datetime | None
    priority: int
    wanted_from: date | None
    wanted_to: date | None
    reason: str
    facility_code: str


def schedule_resource(
    *,
    facility_code: str,
    facility_name: str,
    service: Service,
    starts_at: datetime,
    ends_at: datetime,
    place: str,
    open_to: str,
    series: str = "",
) -> dict[str, Any]:
    """The Schedule of a session."""
    extension: list[dict[str, Any]] = [{"url": OPEN_TO, "valueCode": open_to}]
    if series:
        extension.append({"url": SERIES, "valueString": series})
    resource = {
        "resourceType": "Schedule",
        "extension": extension,
        "active": True,
        **service_elements(service),
        "actor": [facility_actor(facility_code, facility_name)],
        "planningHorizon": {"start": written(starts_at), "end": written(ends_at)},
    }
    return resource | ({"comment": place} if place else {})


def slot_resource(
    *, schedule: str, service: Service, starts_at: datetime, ends_at: datetime, places: int
) -> dict[str, Any]:
    """A free Slot."""
    return {
        "resourceType": "Slot",
        "extension": [{"url": PLACES, "valuePositiveInt": places}],
        **service_elements(service),
        "schedule": {"reference": f"Schedule/{schedule}"},
        "status": "free",
        "start": written(starts_at),
        "end": written(ends_at),
    }


def service_elements(service: Service) -> dict[str, Any]:
    """serviceCategory and serviceType."""
    found: dict[str, Any] = {"serviceCategory": [_local(service.kind)]}
    types = [_local(f"programme-{service.programme}")] if service.programme else []
    if service.step:
        types.append(_local(f"step-{service.step}"))
    return found | ({"serviceType": types} if types else {})


def read_service(resource: Mapping[str, Any]) -> Service | None:
    """The service, None if the resource names none of ours."""
    categories = resource.get("serviceCategory") or ()
    kind = next((code for code in _codes(categories) if code in SessionKind.values), None)
    if kind is None:
        return None
    types = list(_codes(resource.get("serviceType") or ()))
    programme = next((code.removeprefix("programme-") for code in types if code.startswith("programme-")), "")
    step = next((code.removeprefix("step-") for code in types if code.startswith("step-")), "")
    return Service(kind, programme[:40], step[:40] if kind == SessionKind.ASSESSMENT else "")


def read_schedule(resource: Mapping[str, Any]) -> SessionShape | None:
    """None for a Schedule that is not of our services, or has no times."""
    service, horizon = read_service(resource), resource.get("planningHorizon") or {}
    starts_at, ends_at = instant(horizon.get("start")), instant(horizon.get("end"))
    if service is None or starts_at is None or ends_at is None:
        return None
    extensions = {one.get("url"): one for one in resource.get("extension") or ()}
    open_to = extensions.get(OPEN_TO, {}).get("valueCode", OpenTo.OWN)
    return SessionShape(
        service=service,
        starts_at=starts_at,
        ends_at=ends_at,
        place=(resource.get("comment") or "")[:500],
        open_to=open_to if open_to in OpenTo.values else OpenTo.OWN,
        active=resource.get("active", True) is not False,
        series=extensions.get(SERIES, {}).get("valueString", "")[:64],
    )


def read_slot(resource: Mapping[str, Any]) -> SlotShape | None:
    """None for a Slot without times or Schedule of this server."""
    schedule = reference_id(resource.get("schedule") or {}, "Schedule")
    starts_at, ends_at = instant(resource.get("start")), instant(resource.get("end"))
    if not schedule or starts_at is None or ends_at is None:
        return None
    places = next(
        (
            one.get("valuePositiveInt", one.get("valueInteger", 1))
            for one in resource.get("extension") or ()
            if one.get("url") == PLACES
        ),
        1,
    )
    return SlotShape(schedule, starts_at, ends_at, min(int(places), 10_000), resource.get("status", ""))


def read_appointment(resource: Mapping[str, Any]) -> AppointmentShape:
    """An Appointment, ours or not."""
    people = (reference_id(one.get("actor") or {}, "Patient") for one in resource.get("participant") or ())
    slots = (reference_id(one, "Slot") for one in resource.get("slot") or ())
    period = (resource.get("requestedPeriod") or [{}])[0]
    kind = _codes([resource.get("appointmentType") or {}], system=WALK_IN["system"])
    return AppointmentShape(
        patient=next((one for one in people if one), None),
        slot=next((one for one in slots if one), None),
        service=read_service(resource),
        status=resource.get("status", ""),
        walk_in=WALK_IN["code"] in kind,
        starts_at=instant(resource.get("start")),
        ends_at=instant(resource.get("end")),
        created=instant(resource.get("created")),
        priority=min(int(resource.get("priority") or 0), 9),
        wanted_from=_day(period.get("start")),
        wanted_to=_day(period.get("end")),
        reason=_reason(resource.get("cancelationReason") or {}),
        facility_code=_facility_code(resource),
    )


def written(moment: datetime) -> str:
    """An instant with Vietnam's offset."""
    return moment.astimezone(ZONE).isoformat(timespec="seconds")


def instant(text: object) -> datetime | None:
    """The moment that a FHIR dateTime means; a bare day is its first moment in Vietnam. None for anything else."""
    if not isinstance(text, str):
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=ZONE)


def day_of(moment: datetime) -> date:
    """The calendar day in Vietnam."""
    return moment.astimezone(ZONE).date()


def _day(text: object) -> date | None:
    found = instant(text)
    return day_of(found) if found else None


def appointment_resource(
    *, patient: str, service: Service, facility_code: str, facility_name: str, status: str, created: datetime
) -> dict[str, Any]:
    """An Appointment without a slot; `in_slot` puts it into one."""
    return {
        "resourceType": "Appointment",
        "status": status,
        **service_elements(service),
        "created": written(created),
        "participant": [
            {"actor": {"reference": f"Patient/{patient}"}, "status": "accepted"},
            {"actor": facility_actor(facility_code, facility_name), "status": "accepted"},
        ],
    }


def in_slot(resource: Mapping[str, Any], *, slot: str, starts_at: datetime, ends_at: datetime) -> dict[str, Any]:
    """The Appointment in that slot, without what belonged to an earlier wish or cancellation."""
    kept = {key: value for key, value in resource.items() if key not in ("cancelationReason", "requestedPeriod")}
    return kept | {
        "start": written(starts_at),
        "end": written(ends_at),
        "slot": [{"reference": f"Slot/{slot}"}],
    }


def without_slot(resource: Mapping[str, Any]) -> dict[str, Any]:
    """The Appointment given back to the waiting list."""
    return {key: value for key, value in resource.items() if key not in ("start", "end", "slot", "cancelationReason")}


def facility_actor(code: str, name: str) -> dict[str, Any]:
    """A facility as participant: R4 lets no Organization take part, so it is named by its code."""
    identifier = {"system": settings.FHIR_SYSTEMS["facility"], "value": code}
    return {"type": "HealthcareService", "identifier": identifier, "display": name}


def _reason(concept: Mapping[str, Any]) -> str:
    """Our own code, else whatever code there is."""
    codings = concept.get("coding") or ()
    return next(iter(_codes([concept])), next((coding.get("code", "") for coding in codings), ""))[:40]


def _facility_code(resource: Mapping[str, Any]) -> str:
    for one in resource.get("participant") or ():
        identifier = (one.get("actor") or {}).get("identifier") or {}
        if identifier.get("system") == settings.FHIR_SYSTEMS["facility"]:
            return str(identifier.get("value", ""))
    return ""


def _local(code: str) -> dict[str, Any]:
    return {"coding": [{"system": settings.FHIR_SYSTEMS["screening"], "code": code}]}


def _codes(concepts: Any, *, system: str = "") -> list[str]:
    wanted = system or settings.FHIR_SYSTEMS["screening"]
    return [
        coding.get("code", "")
        for concept in concepts
        for coding in concept.get("coding") or ()
        if coding.get("system") == wanted
    ]
