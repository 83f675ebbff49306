"""How often Python looks for cycles among its objects while a file is worked on."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_EVERY: Final = 200_000  # objects made and not yet freed: about a chunk's


@contextmanager
def collected_seldom() -> Iterator[None]:
    """Leave alone what was there before, and look at the rest about once a chunk.

    A chunk's rows and resources are many, hold no cycles and are freed when it is committed. Python's own pace, every
    700 objects, went through all of them again and again: a quarter of the time that storing takes.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(_EVERY, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
