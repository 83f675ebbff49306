"""Files that are no tables (XML4, ASTM) as rows in our own columns, so that all else works as with a table."""

from collections.abc import Iterable, Iterator, Mapping

from screening.imports.columns import VIETNAMESE, Column, Header
from screening.imports.reading import SourceRow, clean


def own_header() -> Header:
    """The columns of our template, in order."""
    texts = tuple(VIETNAMESE[column] for column in Column)
    return Header(texts, {column: at for at, column in enumerate(Column)}, (), ())


def own_rows(found: Iterable[Mapping[Column, str]]) -> Iterator[SourceRow]:
    """Numbered from 1, as the results stand in the file."""
    for number, values in enumerate(found, 1):
        cells = [clean(values.get(column, "")) for column in Column]
        yield SourceRow(number, cells, cells)


def day(text: str) -> str:
    """yyyy-mm-dd of yyyymmdd with or without a time; "" if the day is not known ("19600000"); else as it is."""
    text = text.strip()
    if len(text) < 8 or not text[:8].isdigit():
        return text
    year, month, day = text[:4], text[4:6], text[6:8]
    return "" if "00" in (month, day) else f"{year}-{month}-{day}"
