"""Remaking the search index from the stored texts, e.g. after a change of the extractors."""

from collections.abc import Iterator

from django.db import connection, transaction

from fhir import tables, text
from fhir.parameters import extract

BATCH = 1000
_NEXT = """
SELECT type, id, content FROM fhir_resource
WHERE NOT deleted AND (type, id) > (%s, %s) ORDER BY type, id LIMIT %s FOR UPDATE
"""


def reindex_all() -> Iterator[int]:
    """Go through all resources in batches of their own transactions; yields how many are done."""
    kind = name = ""
    done = 0
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_NEXT, [kind, name, BATCH])
            rows = cursor.fetchall()
            if not rows:
                return
            tables.reindex_rows((type_, id_, extract(text.parse(content).resource)) for type_, id_, content in rows)
        kind, name, _ = rows[-1]
        done += len(rows)
        yield done
