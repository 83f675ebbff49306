"""Splits a CSV text into rows, and does not lose the rows after a quote that somebody forgot to close."""

import csv
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Self

from django.utils.translation import gettext as _

MAX_LINE: Final = 100_000  # characters of a line that are looked at or shown
_MAX_LINES: Final = 50  # of one row: more are no note with line breaks but a quote that was not closed


class _UnclosedError(Exception):
    """A quote was opened and not closed for too long."""


class _Lines:
    """Gives lines to the csv reader and remembers those of the row at hand, so that they can be read again."""

    def __init__(self, file: Iterable[str]) -> None:
        self.source, self.again = iter(file), deque[str]()
        self.taken: list[str] = []

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        if len(self.taken) == _MAX_LINES:
            raise _UnclosedError
        line = self.again.popleft() if self.again else next(self.source, None)
        if line is None:
            raise _UnclosedError if self.taken else StopIteration
        self.taken.append(line)
        return line


def records(file: Iterable[str], delimiter: str, *, width: int) -> Iterator[tuple[Sequence[str], str]]:
    """The rows of a CSV text, each with its damage. Where a quote was not closed, only that line is damaged and the
    next ones are read anew: otherwise a page of people would become the note of one."""
    lines = _Lines(file)
    reader = csv.reader(lines, delimiter=delimiter)
    damage = _("Một dấu ngoặc kép ở dòng này chưa được đóng hoặc ô quá dài.")
    while True:
        lines.taken = []
        try:
            cells = next(reader, None)
            if cells and _has_swallowed(lines.taken, cells, delimiter, width):
                cells = []
        except (csv.Error, _UnclosedError):
            cells = []
        if cells is None:
            return
        if cells:
            yield cells, ""
        elif any(map(str.strip, lines.taken)):
            lines.again.extendleft(reversed(lines.taken[1:]))
            reader = csv.reader(lines, delimiter=delimiter)
            yield lines.taken[0][:MAX_LINE].strip().split(delimiter), damage
        else:
            yield [], ""


def _has_swallowed(taken: Sequence[str], cells: Sequence[str], delimiter: str, width: int) -> bool:
    """Whether a row of several lines holds lines that are rows of their own."""
    if len(taken) == 1:
        return False
    return len(cells) > width or any(len(row) >= width for row in csv.reader(taken[1:], delimiter=delimiter))
