"""From a saved resource to the round it belongs to and the next step: the hooks of screening.

Every statement takes the whole batch. Events are appended, the rounds of the people concerned are computed anew from
all their events (``protocol.fold_rounds``), and what changed is written. The people's rows are locked first, so that
two writers of one person's results wait for each other and none works from half of the events.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from fhir.hooks import Change, on_saved, on_validate
from fhir.outcomes import Issue
from healthhub.accounts.actors import Actor
from healthhub.postgresql.prepared import execute_prepared
from screening import followup, projection
from screening.facts import ZONE, Reading, collected_on, flags_of, is_screening, read_fact, read_value, specimen_of
from screening.facts import performer_of as _performer
from screening.projection import Incoming
from screening.protocol.cutoffs import beside_own

#: What moves rounds on. Of a Patient it is the death.
TYPES = ("Observation", "ServiceRequest", "Procedure", "DiagnosticReport", "Communication", "Patient")
#: What says that a step was taken, with its reader.
_ASSESSED = {"Procedure": followup.procedure, "DiagnosticReport": followup.report, "Observation": followup.staging}

_HELD = """
SELECT k.ordinal, r.observation_id
FROM unnest(%s::int[], %s::text[], %s::text[], %s::text[], %s::text[]) AS k(ordinal, id, facility, specimen, test)
JOIN screening_screeningresult r
  ON r.facility_id = k.facility AND r.specimen_id = k.specimen AND r.test = k.test AND r.observation_id <> k.id
  AND r.specimen_id <> ''  -- so that the index of specimens serves, which leaves out those without a number
"""
_FIELDS = {
    "value": "Observation.value",
    "unit": "Observation.valueQuantity.unit",
    "cutoff": "Observation.referenceRange[0].high",
    "kit": "Observation.referenceRange[0].high",
}


@on_saved(*TYPES)
def take(changes: Sequence[Change], *, actor: Actor) -> None:
    """Move the rounds on by a batch of saved or deleted resources."""
    incoming = [_incoming(change, actor) for change in changes]
    projection.apply([item for item in incoming if item.fact is not None or not item.created])


def _incoming(change: Change, actor: Actor) -> Incoming:
    fact = None
    created = change.resource is not None and not change.previous_content and change.version == 1
    if change.resource is not None:
        recorded = change.last_updated.astimezone(ZONE).date() if change.last_updated else None
        fact = read_fact(change.resource, facility=change.facility, recorded=recorded)
    if change.type == "Patient" and fact is None and '"deceased' not in (change.previous_content or ""):
        created = True  # neither now nor before: nothing to take back
    return Incoming(
        source_type=change.type,
        source_id=change.id,
        version=change.version,
        patient=change.id if change.type == "Patient" else change.patient,
        fact=fact,
        created=created,
        actor=actor.id,
        recorded_at=change.last_updated,
    )


@on_saved("Patient")
def follow(changes: Sequence[Change], *, actor: Actor) -> None:
    """Keep true what rounds and results hold of a person when her data change (records has projected them already)."""
    projection.follow_citizens([change.id for change in changes])
    if updated := [change.id for change in changes if change.version > 1]:
        projection.follow_people(updated)


@on_validate("Observation")
def check(changes: Sequence[Change]) -> Iterator[tuple[int, Issue]]:
    """Refuse screening results that contradict themselves or their protocol's units, or hold another one's specimen."""
    tomorrow = timezone.now().astimezone(ZONE).date() + timedelta(days=1)
    keyed: list[tuple[int, str, str, str, str]] = []
    for position, change in enumerate(changes):
        resource = change.resource
        if (
            resource is None
            or not is_screening(resource)
            or resource.get("status") in ("entered-in-error", "cancelled")
        ):
            continue
        collected = collected_on(resource)
        if change.patient is None:
            yield (
                position,
                _issue("required", "Observation.subject", "A screening result needs the person it is about."),
            )
        if collected is None:
            yield (
                position,
                _issue(
                    "required",
                    "Observation.effective",
                    "A screening result needs the day of the sample: effectiveDateTime.",
                ),
            )
            continue
        if collected > tomorrow:
            yield (
                position,
                _issue("value", "Observation.effective", f"The sample cannot be from the future ({collected})."),
            )
        reading = read_value(resource, collected)
        assert reading is not None
        for issue in _contradictions(resource, reading):
            yield position, issue
        specimen, facility = specimen_of(resource)[1], _performer(resource, change.facility)
        if specimen and facility:
            keyed.append((position, change.id, facility, specimen[:100], reading.test.key))
    yield from _duplicates(keyed)


@on_validate(*_ASSESSED)
def check_assessments(changes: Sequence[Change]) -> Iterator[tuple[int, Issue]]:
    """Refuse an assessment from the future: by a slip in the year a step would end that nobody has taken."""
    tomorrow = timezone.now().astimezone(ZONE).date() + timedelta(days=1)
    for position, change in enumerate(changes):
        fact = _ASSESSED[change.type](change.resource, change.facility) if change.resource is not None else None
        if fact is not None and fact.occurred_on > tomorrow:
            element = "performed" if change.type == "Procedure" else "effective"
            yield (
                position,
                _issue(
                    "value",
                    f"{change.type}.{element}",
                    f"What has been done cannot be from the future ({fact.occurred_on}).",
                ),
            )


def _contradictions(resource: dict[str, Any], reading: Reading) -> Iterator[Issue]:
    fault, found = reading.fault, reading.interpretation
    if fault and "valueQuantity" in resource and reading.code.units:
        code = "code-invalid" if fault.field == "unit" else "business-rule"
        yield _issue(code, _FIELDS[fault.field], str(fault))
    if found is None or not any(name.startswith("value") for name in resource):
        return
    flags = flags_of(resource)
    if flags and found.interpretation not in flags and {found.interpretation, *flags} >= {"POS", "NEG"}:
        yield _issue(
            "business-rule",
            "Observation.interpretation",
            f"The value means {found.interpretation} by the protocol ({found.explanation['en']}), "
            f"but interpretation says {', '.join(flags)}.",
        )
    beside = beside_own(reading.test, found, kit=found.kit) if "referenceRange" in resource else None
    if beside and beside.hides:
        yield _issue(
            "business-rule",
            "Observation.referenceRange[0].high",
            f"A cut-off of one's own may not hide a positive. {beside.sentence['en']} Leave referenceRange out, name "
            "the kit in device.display, or ask the health department to add the kit to the protocol.",
        )


def _duplicates(keyed: Sequence[tuple[int, str, str, str, str]]) -> Iterator[tuple[int, Issue]]:
    """A specimen has one result of a test: a second Observation would count one person twice."""
    first: dict[tuple[str, str, str], str] = {}
    asked = []
    for position, name, *key in keyed:
        held = first.setdefault((key[0], key[1], key[2]), name)
        if held != name:
            yield position, _duplicate(held)
        else:
            asked.append((position, name, *key))
    if not asked:
        return
    with connection.cursor() as cursor:
        execute_prepared(cursor, _HELD, [list(column) for column in zip(*asked, strict=True)])
        for position, held in cursor.fetchall():
            yield position, _duplicate(held)


def _duplicate(held: str) -> Issue:
    return _issue(
        "duplicate",
        "Observation.specimen",
        f"Observation/{held} already holds the result of this test for this specimen of this facility. "
        f"To correct it, update Observation/{held}.",
    )


def _issue(code: str, expression: str, diagnostics: str) -> Issue:
    return Issue("error", code, expression, diagnostics)
