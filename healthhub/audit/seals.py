"""The hash chain over the access log: a changed, removed or inserted line is found out.

Entries are sealed in batches some minutes later, because chaining them one by one would make every reader of the city
wait for the one before. Only transactions that can no longer be running are sealed.
"""

import hashlib

from django.db import connection, transaction

from healthhub.audit.models import AccessSeal

_ENTRIES = """
SELECT concat_ws(E'\\x1f', id, extract(epoch FROM at), transaction, actor, actor_name, role, coalesce(facility, ''),
                 action, resource_type, resource_id, coalesce(patient, ''), reason)
FROM audit_accessentry WHERE transaction > %s AND transaction < %s ORDER BY transaction, id
"""


def _digest(previous: str, after: int, up_to: int) -> tuple[str, int]:
    digest = hashlib.sha256(previous.encode())
    count = 0
    with connection.cursor().connection.cursor(name="seal_entries") as rows:
        rows.execute(_ENTRIES, [after, up_to])
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
    after = last.up_to_transaction - 1 if last else 0
    digest, count = _digest(last.digest if last else "", after, horizon)
    if not count:
        return None
    return AccessSeal.objects.create(after_transaction=after, up_to_transaction=horizon, entries=count, digest=digest)


@transaction.atomic
def broken_seals() -> list[AccessSeal]:
    """The seals that no longer agree with the entries under them; empty when the log is intact."""
    previous = ""
    broken = []
    for seal in AccessSeal.objects.order_by("id"):
        digest, count = _digest(previous, seal.after_transaction, seal.up_to_transaction)
        if (digest, count) != (seal.digest, seal.entries):
            broken.append(seal)
        previous = seal.digest
    return broken
