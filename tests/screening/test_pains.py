"""The list of pains in docs/pains.md names tests that exist, all of them, and each of the ten has one."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_each_of_the_ten_pains_has_tests_that_exist() -> None:
    rows = re.findall(r"^\| (\d+)\. .*$", (ROOT / "docs/pains.md").read_text(), re.MULTILINE)
    assert [int(number) for number in rows] == list(range(1, 11))
    for line in (ROOT / "docs/pains.md").read_text().splitlines():
        if (number := re.match(r"\| (\d+)\. ", line)) is None:
            continue
        named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", line)
        assert named, line
        for path, test in named:
            assert test.startswith(f"test_pain_{number[1]}_")
            assert f"def {test}(" in (ROOT / path).read_text(), f"{path}::{test}"


def test_every_test_of_a_pain_is_in_the_list() -> None:
    written = {
        f"{path.relative_to(ROOT)}::{test}"
        for path in (ROOT / "tests").rglob("test_*.py")
        for test in re.findall(r"^def (test_pain_\d+_\w+)\(", path.read_text(), re.MULTILINE)
    }
    assert written == set(re.findall(r"`(tests/[\w/]+\.py::\w+)`", (ROOT / "docs/pains.md").read_text()))
