"""E-mail addresses out of stored Patients. People without one cost nothing."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.db import connection, transaction

from fhir.hooks import Change, on_rebuild, on_saved
from healthhub.accounts.actors import Actor

_ADDRESS = re.compile(r"[^@\s<>,;\x00-\x1f]{1,64}@[^@\s<>,;\x00-\x1f]+\.[^@\s<>,;\x00-\x1f.]{2,}")
_KEEP = """
INSERT INTO screening_emailaddress (patient_id, address) SELECT * FROM unnest(%s::text[], %s::text[])
ON CONFLICT (patient_id) DO UPDATE SET address = excluded.address
"""
_STORED = """
SELECT id, (content::jsonb -> 'telecom')::text FROM fhir_resource
WHERE type = 'Patient' AND NOT deleted AND content LIKE '%"email"%'
"""
CHUNK = 5000


@on_saved("Patient")
def project_emails(changes: Sequence[Change], *, actor: Actor) -> None:
    """Keep the first usable e-mail address of each Patient."""
    found = {change.id: email_of(change.resource or {}) for change in changes}
    kept = {patient: address for patient, address in found.items() if address}
    gone = [change.id for change in changes if not found[change.id] and '"email"' in (change.previous_content or "")]
    with connection.cursor() as cursor:
        if kept:
            cursor.execute(_KEEP, [list(kept), list(kept.values())])
        if gone:
            cursor.execute("DELETE FROM screening_emailaddress WHERE patient_id = ANY(%s)", [gone])


@on_rebuild
def rebuild() -> None:
    """Read all addresses anew from the stored Patients."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM screening_emailaddress")
        cursor.execute(_STORED)
        for chunk in iter(lambda: cursor.fetchmany(CHUNK), []):
            found = {patient: email_of({"telecom": json.loads(telecom or "[]")}) for patient, telecom in chunk}
            kept = {patient: address for patient, address in found.items() if address}
            if kept:
                with connection.cursor() as other:
                    other.execute(_KEEP, [list(kept), list(kept.values())])


def email_of(patient: Mapping[str, Any]) -> str:
    """The first e-mail address that can be one and is not an old one, "" without."""
    return next(_addresses(patient), "")


def _addresses(patient: Mapping[str, Any]) -> Iterator[str]:
    for contact in patient.get("telecom") or ():
        value = contact.get("value") or ""
        if contact.get("system") == "email" and contact.get("use") != "old" and _ADDRESS.fullmatch(value):
            yield value[:254]
