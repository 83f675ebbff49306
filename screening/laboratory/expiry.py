"""A sample taken after its kit's last day is never read, whichever door its result comes through.

It may only be recorded as inadequate: so the person gets another kit. Until then the tube stays on the list of those
that were logged and not read, so that a refused result loses nobody.
"""

from collections.abc import Iterator, Sequence

from fhir.hooks import Change, on_validate
from fhir.outcomes import Issue
from screening.facts import WITHDRAWN_STATUS, collected_on, is_screening, read_value, specimen_of
from screening.models import Kit
from screening.protocol import INADEQUATE


@on_validate("Observation")
def check_kits(changes: Sequence[Change]) -> Iterator[tuple[int, Issue]]:
    """Refuse readings of expired kits; one statement for a batch with specimens, none without."""
    specimens: dict[int, str] = {}
    for position, change in enumerate(changes):
        resource = change.resource
        if resource is None or resource.get("status") in WITHDRAWN_STATUS or not is_screening(resource):
            continue
        if barcode := specimen_of(resource)[1]:
            specimens[position] = barcode
    if not specimens:
        return
    kits = Kit.objects.filter(barcode__in=set(specimens.values()), lot__isnull=False).select_related("lot")
    lots = {kit.barcode: kit.lot for kit in kits}
    for position, barcode in specimens.items():
        lot, resource = lots.get(barcode), changes[position].resource
        day = collected_on(resource) if lot and resource else None
        if lot is None or resource is None or day is None or day <= lot.expires_on:
            continue
        reading = read_value(resource, day)
        found = reading.interpretation if reading else None
        if found is None or found.outcome != INADEQUATE:
            told = (
                f"The sample was taken on {day}, after its kit (lot {lot.lot}) had expired on {lot.expires_on}. "
                "It cannot be read; reject the specimen, or record the result as inadequate."
            )
            yield position, Issue("error", "business-rule", "Observation.specimen", told)
