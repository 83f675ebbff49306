"""What speaks for a code that nobody has explained being one of our tests: its results, its name. Whoever calls it none
of ours leaves out all its results for good, so this stands beside the question."""

import re
from collections.abc import Iterable

from records.names import fold
from screening.protocol import POSITIVE, NotInterpretable, Test, current, interpret, programmes


def reads_positive(values: Iterable[tuple[str, str]]) -> bool:
    """Whether any (value, unit) is positive by any test of ours."""
    tests = [test for programme in programmes() for test in current(programme).tests.values()]
    return any(_positive(test, value, unit) for value, unit in values if value for test in tests)


def looks_like_ours(code: str, name: str) -> bool:
    """Whether the code or its name holds all words of a name that a protocol's test has."""
    said = _words(f"{code} {name}")
    for programme in programmes():
        for key, test in current(programme).tests.items():
            if any(_words(text) <= said for text in (key, *test.words, *test.name.values()) if _words(text)):
                return True
    return False


def _positive(test: Test, value: str, unit: str) -> bool:
    try:
        return interpret(test, word=value, unit=unit).outcome == POSITIVE
    except NotInterpretable:
        return False


def _words(text: str) -> set[str]:
    return set(re.findall(r"[^\W_]+", fold(text)))
