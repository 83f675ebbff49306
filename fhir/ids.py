"""Logical ids."""

from uuid_utils import uuid7


def new_id() -> str:
    """A fresh id. UUIDv7 is ordered by time, so new rows land at the end of the indexes instead of all over them."""
    return str(uuid7())
