"""Logical ids."""

import re

from uuid_utils import uuid7

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")


def is_id(text: str) -> bool:
    """Whether a resource can have this id at all: what cannot is never asked of the database, nor is NUL."""
    return _ID.fullmatch(text) is not None


def new_id() -> str:
    """A fresh id. UUIDv7 is ordered by time, so new rows land at the end of the indexes instead of all over them."""
    return str(uuid7())
