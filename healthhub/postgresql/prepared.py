"""Statements that PostgreSQL plans once for each connection.

Planning a FHIR read with its access rule takes ten times as long as running it. psycopg2 has no prepared statements of
its own, so they are made with PREPARE and run with EXECUTE. Use it for statements whose best plan does not depend on
the values (by key, by person); a search over the whole city is planned anew each time.
"""

import re
from collections.abc import Sequence
from itertools import count
from typing import Any
from weakref import WeakKeyDictionary

from django.db import connection
from django.db.backends.utils import CursorWrapper

from healthhub.postgresql.wall import is_walled

LIMIT = 250
LONG = 50
_MARK = re.compile(r"%s((?:::\w+(?:\[\])?)?)")
_known: WeakKeyDictionary[Any, dict[tuple[bool, str], str]] = WeakKeyDictionary()


def execute_prepared(cursor: CursorWrapper, sql: str, params: Sequence[Any]) -> None:
    """Run ``sql`` with its ``%s`` parameters as ``cursor.execute`` would.

    Types of parameters come from where they stand, so cast those whose place does not tell (``%s::text[]``). A batch
    with arrays longer than ``LONG`` is planned for its own size: what suits one row may be far too slow for thousands.
    """
    if any(isinstance(value, list) and len(value) > LONG for value in params):
        cursor.execute(sql, params)
        return
    known = _known.setdefault(connection.connection, {})
    key = (is_walled(), sql)  # behind the wall, another plan
    if key not in known:
        if len(known) >= LIMIT:
            cursor.execute("DEALLOCATE ALL")
            known.clear()
        name, numbers = f"healthhub_{len(known)}", count(1)
        cursor.execute(f"PREPARE {name} AS {_MARK.sub(lambda mark: f'${next(numbers)}{mark[1]}', sql)}")
        marks = ", ".join(mark[0] for mark in _MARK.finditer(sql))
        known[key] = f"EXECUTE {name} ({marks})" if marks else f"EXECUTE {name}"
    cursor.execute(known[key], params)
