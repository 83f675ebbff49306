"""A chunk's work, done again if another writer was in the way."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

from django.db import OperationalError, connection, transaction

TRIES: Final = 4
PAUSE: Final = 0.2  # s, and as much more at each try: whoever was in the way must have time to commit
IN_THE_WAY: Final = {"40001", "40P01"}  # serialization failure, deadlock

Answer = TypeVar("Answer")


def in_one_transaction(work: Callable[[], Answer], *, before_again: Callable[[], None] = lambda: None) -> Answer:
    """What ``work`` answers, committed; ``before_again`` puts back what it changed in memory.

    Raises OperationalError if it cannot be done in TRIES, and at once within somebody else's transaction, of which
    nothing can be done again here.
    """
    tries = 1
    while True:
        try:
            with transaction.atomic():
                return work()
        except OperationalError as error:
            if getattr(error.__cause__, "pgcode", "") not in IN_THE_WAY or tries == TRIES or connection.in_atomic_block:
                raise
        before_again()
        time.sleep(PAUSE * tries)  # whoever was in the way ends first, and tells nobody when
        tries += 1
