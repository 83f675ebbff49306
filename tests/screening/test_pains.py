"""The list of pains in docs/pains.md names tests that exist, and each of the ten has one."""

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
