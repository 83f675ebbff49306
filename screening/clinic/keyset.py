"""Pages of a list by a day and a key: the next page begins after the last line shown, whatever has come or gone since.

With numbered pages, a line that is settled meanwhile moves the first of the next page up, where nobody looks again.
"""

from datetime import date
from typing import TypeVar

from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet

M = TypeVar("M", bound=Model)


def page_after(
    found: QuerySet[M], day: str, after: str, size: int, *, newest_first: bool = False
) -> tuple[list[M], str]:
    """The lines after a place, in the order of the field ``day`` (those without last) and the key; and the next place.

    ``after`` is "" at the beginning; what is no place is the beginning too. The next place is "" at the end. With
    ``newest_first`` both are read backwards, and every line has a day.
    """
    beyond, order = ("lt", (f"-{day}", "-pk")) if newest_first else ("gt", (day, "pk"))
    since, _, said = after.replace("\x00", "").partition(".")
    try:
        key = found.model._meta.pk.to_python(said)
        on = date.fromisoformat(since) if since else None
    except (ValueError, ValidationError):
        pass
    else:
        if on is not None:
            later = Q(**{f"{day}__{beyond}": on}) | Q(**{day: on, f"pk__{beyond}": key})
            found = found.filter(later | Q(**{f"{day}__isnull": True}))
        elif said:
            found = found.filter(**{f"{day}__isnull": True, f"pk__{beyond}": key})
    rows = list(found.order_by(*order)[: size + 1])
    if len(rows) <= size:
        return rows, ""
    last = getattr(rows[size - 1], day)
    return rows[:size], f"{last or ''}.{rows[size - 1].pk}"
