"""Keys to people, places and facilities without a constraint: what they point to is projected, and may be remade."""

from typing import Any, Final

from django.db.models import DO_NOTHING

#: Options of such a foreign key; the indexes of its table say what is searched by it.
LOOSE: Final[dict[str, Any]] = {"db_constraint": False, "db_index": False, "on_delete": DO_NOTHING}
