"""Which facility cares for whom, and why: what `wrote` does not already say."""

from collections.abc import Set

from django.db import connection

from records.models import CareBasis

_PRESENT = """
INSERT INTO records_carerelation (patient_id, facility_id, basis, since)
SELECT p.patient_id, p.facility_id, 'presented', now() FROM unnest(%s::text[], %s::text[]) AS p(patient_id, facility_id)
WHERE NOT EXISTS (
    SELECT FROM records_carerelation c
    WHERE c.patient_id = p.patient_id AND c.facility_id = p.facility_id AND c.basis = 'wrote'
)
ON CONFLICT (patient_id, facility_id, basis) DO NOTHING
"""
_GIVE = """
INSERT INTO records_carerelation (patient_id, facility_id, basis, since)
SELECT p.patient_id, p.facility_id, %s, now() FROM unnest(%s::text[], %s::text[]) AS p(patient_id, facility_id)
ON CONFLICT (patient_id, facility_id, basis) DO NOTHING
"""
_TAKE_BACK = """
DELETE FROM records_carerelation c USING unnest(%s::text[], %s::text[]) AS p(patient_id, facility_id)
WHERE c.patient_id = p.patient_id AND c.facility_id = p.facility_id AND c.basis = 'handed'
"""


def presented_at(pairs: Set[tuple[str, str]]) -> None:
    """Remember (patient, facility) of people who presented themselves; the caller has checked it. One statement."""
    if pairs:
        patients, facilities = zip(*sorted(pairs), strict=True)
        with connection.cursor() as cursor:
            cursor.execute(_PRESENT, [list(patients), list(facilities)])


def no_longer_handed(pairs: Set[tuple[str, str]]) -> None:
    """Take back what ``handed_to`` gave, as (patient, facility); whoever may read her for another reason still may."""
    if pairs:
        patients, facilities = zip(*sorted(pairs), strict=True)
        with connection.cursor() as cursor:
            cursor.execute(_TAKE_BACK, [list(patients), list(facilities)])


def handed_to(pairs: Set[tuple[str, str]]) -> None:
    """Let facilities read people whose care the health department gave them, as (patient, facility). One statement."""
    _give(pairs, CareBasis.HANDED)


def called_by(pairs: Set[tuple[str, str]]) -> None:
    """Let facilities read the people whom they call for screening, to book them or ask after them. One statement."""
    _give(pairs, CareBasis.CALLED)


def _give(pairs: Set[tuple[str, str]], basis: CareBasis) -> None:
    if pairs:
        patients, facilities = zip(*sorted(pairs), strict=True)
        with connection.cursor() as cursor:
            cursor.execute(_GIVE, [basis.value, list(patients), list(facilities)])
