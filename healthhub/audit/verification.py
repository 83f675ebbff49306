"""Whether the access log still is what was sealed: every break is named, with the lines that it is about."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import connection, transaction

from healthhub.audit.models import AccessSeal
from healthhub.audit.seals import FORMATS, digest_of

# Lines before every seal and lines of transactions that do not exist yet cannot have come through the application.
_UNSEALED: Final = """
SELECT count(*) FILTER (WHERE transaction <= 0),
       count(*) FILTER (WHERE transaction >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint),
       count(*) FILTER (WHERE transaction >= %(sealed)s), min(at) FILTER (WHERE transaction >= %(sealed)s)
FROM audit_accessentry WHERE transaction <= 0 OR transaction >= %(sealed)s
"""


@dataclass(frozen=True, slots=True)
class Verified:
    """``breaks`` in words, empty for an intact log; how much is sealed; how much is not yet, and since when."""

    breaks: list[str]
    entries: int
    last: AccessSeal | None
    unsealed: int
    oldest: datetime | None


@transaction.atomic
def verify(*, known: tuple[int, str] | None = None) -> Verified:
    """Read the whole log and every seal.

    ``known`` is the number and digest of a seal as somebody has noted them elsewhere: whoever may change everything
    here could also remove the newest seals and make others, but not ones that agree with that note.
    """
    breaks: list[str] = []
    last: AccessSeal | None = None
    sealed, noted = 0, not known
    for seal in AccessSeal.objects.order_by("id"):
        if wrong := _wrong(seal, last):
            until = f"{seal.sealed_at:%Y-%m-%d %H:%M} UTC"
            span = f"transactions {seal.after_transaction + 1} to {seal.up_to_transaction - 1}"
            breaks.append(f"seal {seal.pk} of {until} over {span}, {seal.entries} lines: {'; '.join(wrong)}")
        noted = noted or known == (seal.pk, seal.digest)
        sealed += seal.entries
        last = seal
    if known and not noted:
        breaks.append(f"seal {known[0]} with the digest {known[1]} is not here")
    with connection.cursor() as cursor:
        cursor.execute(_UNSEALED, {"sealed": last.up_to_transaction if last else 1})
        before, future, unsealed, oldest = cursor.fetchone()
    if before:
        breaks.append(f"{before} lines stand before every seal")
    if future:
        breaks.append(f"{future} lines are of transactions that have not been yet")
    return Verified(breaks, sealed, last, unsealed, oldest)


def _wrong(seal: AccessSeal, before: AccessSeal | None) -> list[str]:
    wrong = []
    number, after = (before.pk + 1, before.up_to_transaction - 1) if before else (1, 0)
    if seal.format > 1 and seal.pk != number:
        wrong.append(f"seal {number} should come before it")
    if seal.after_transaction != after:
        wrong.append(f"the seal before it ends at transaction {after}")
    if seal.format not in FORMATS:
        return [*wrong, f"there is no format {seal.format}"]
    digest, count = digest_of(seal, previous=before.digest if before else "")
    if count != seal.entries:
        wrong.append(f"{count} lines are there")
    elif digest != seal.digest:
        wrong.append("its lines, or what it says of itself, are not those that were sealed")
    return wrong
