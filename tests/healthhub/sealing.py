"""Sealing the access log beside other tests."""

import time

from healthhub.audit.models import AccessSeal
from healthhub.audit.seals import seal_entries

MINUTES = 3


def sealed() -> AccessSeal:
    """A seal, once what older transactions of the server might still write is known; a test beside this one has one."""
    give_up = time.monotonic() + MINUTES * 60
    while not (seal := seal_entries()):
        assert time.monotonic() < give_up, "nothing could be sealed"
        time.sleep(0.1)  # older transactions end without telling: ask again
    return seal
