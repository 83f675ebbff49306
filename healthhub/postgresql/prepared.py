"""Statements that PostgreSQL plans once for each connection.

Planning a FHIR read with its access rule takes ten times as long as running it. psycopg2 has no prepared statements of
its own, so they are made with PREPARE and run with EXECUTE. Use it for statements whose best plan does not depend on
the values (by key, by person); a search over the whole city is planned anew each time.
"""

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

from django.db import connection
from django.db.backends.utils import CursorWrapper

LIMIT = 250
_known: WeakKeyDictionary[Any, dict[str, str]] = WeakKeyDictionary()


def execute_prepared(cursor: CursorWrapper, sql: str, params: Sequence[Any]) -> None:
    """Run ``sql`` with its ``%s`` parameters as ``cursor.execute`` would.

    Types of parameters come from where they stand, so cast those whose place does not tell (``%s::text[]``).
    """
    names = _known.setdefault(connection.connection, {})
    name = names.get(sql)
    if name is None:
        if len(names) >= LIMIT:
            cursor.execute("DEALLOCATE ALL")
            names.clear()
        name = f"healthhub_{len(names)}"
        parts = sql.split("%s")
        text = parts[0] + "".join(f"${number}{part}" for number, part in enumerate(parts[1:], 1))
        cursor.execute(f"PREPARE {name} AS {text}")
        names[sql] = name
    marks = ", ".join(["%s"] * len(params))
    cursor.execute(f"EXECUTE {name} ({marks})" if params else f"EXECUTE {name}", params)
