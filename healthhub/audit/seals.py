"""The hash chain over the access log: a changed, removed or inserted line is found out.

Entries are sealed in batches some minutes later, because chaining them one by one would make every reader of the city
wait for the one before. Only transactions that can no longer be running are sealed.
"""

import hashlib
import json
from typing import Final

from django.db import connection, transaction
from django.utils import timezone

from healthhub.audit.models import AccessSeal

#: How a digest is made. 1: fields joined by a control character, without what was added later, which must therefore be
#: empty under such a seal. 2: every column as a JSON array, so that no text can be moved from one into the next, after
#: what the seal says of itself.
FORMAT: Final = 2
_LINES: Final = {
    1: """concat_ws(E'\\x1f', id, extract(epoch FROM at), transaction, actor, actor_name, role, coalesce(facility, ''),
                    action, resource_type, resource_id, coalesce(patient, ''), reason)
          || CASE WHEN client = '' AND address = '' THEN '' ELSE E'\\x1f\\x1f' END""",
    2: """jsonb_build_array(id, extract(epoch FROM at), transaction, actor, actor_name, role, facility, client, address,
                            action, resource_type, resource_id, patient, reason)::text""",
}
_ENTRIES: Final = (
    "SELECT {} FROM audit_accessentry WHERE transaction > %s AND transaction < %s ORDER BY transaction, id"
)

FORMATS: Final = frozenset(_LINES)


def digest_of(seal: AccessSeal, *, previous: str) -> tuple[str, int]:
    """The digest that a seal should have behind ``previous``, and the number of its lines."""
    digest = hashlib.sha256(previous.encode())
    if seal.format > 1:
        span = [seal.format, seal.pk, seal.sealed_at.isoformat(), seal.after_transaction, seal.up_to_transaction]
        digest.update(json.dumps(span).encode() + b"\x1e")
    count = 0
    with connection.cursor().connection.cursor(name="seal_entries") as rows:
        rows.execute(_ENTRIES.format(_LINES[seal.format]), [seal.after_transaction, seal.up_to_transaction])
        for (line,) in rows:
            digest.update(line.encode() + b"\x1e")
            count += 1
    return digest.hexdigest(), count


@transaction.atomic
def seal_entries() -> AccessSeal | None:
    """Seal every entry of finished transactions that has no seal yet; None if there is none."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('audit_seal'))")
        cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
        (horizon,) = cursor.fetchone()
    last = AccessSeal.objects.order_by("-id").first()
    seal = AccessSeal(
        pk=last.pk + 1 if last else 1,
        sealed_at=timezone.now(),
        after_transaction=last.up_to_transaction - 1 if last else 0,
        up_to_transaction=horizon,
        format=FORMAT,
    )
    seal.digest, seal.entries = digest_of(seal, previous=last.digest if last else "")
    if not seal.entries:
        return None
    seal.save(force_insert=True)
    return seal
