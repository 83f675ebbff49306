"""SMART scopes are read strictly, in both versions."""

import pytest

from healthhub.accounts.oauth.scopes import BadScope, normalised, parse


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("patient/Observation.rs", "patient/Observation.rs"),
        ("patient/Observation.read", "patient/Observation.rs"),
        ("user/Patient.write", "user/Patient.cud"),
        ("system/*.*", "system/*.cruds"),
        ("patient/Observation.rs?category=laboratory", "patient/Observation.rs?category=laboratory"),
    ],
)
def test_both_versions_mean_the_same(text: str, meant: str) -> None:
    assert str(parse(text)) == meant


@pytest.mark.parametrize(
    "text",
    [
        "patient/Observation.sr",  # letters out of order
        "patient/Observation.rr",
        "patient/Observation.",
        "patient/Observation.x",
        "patient/observation.rs",
        "city/Observation.rs",
        "patient/*.rs?category=laboratory",  # a search goes with a type
        "patient/Observation.rs?",
        "patient/Observation.rs ",
        "patient/Observation') OR true --.rs",
    ],
)
def test_what_is_no_scope_is_refused(text: str) -> None:
    with pytest.raises(BadScope):
        parse(text)


def test_scopes_are_written_once_each_in_their_order() -> None:
    asked = ["openid", "patient/Patient.read", "patient/Patient.rs", "launch/patient"]
    assert normalised(asked) == ["openid", "patient/Patient.rs", "launch/patient"]


@pytest.mark.parametrize(
    ("held", "asked", "covered"),
    [
        ("system/*.cruds", "system/Patient.r", True),
        ("system/Patient.rs", "system/Patient.cruds", False),
        ("system/Patient.cruds", "system/*.rs", False),
        ("system/Observation.rs", "system/Observation.rs?category=laboratory", True),
        ("system/Observation.rs?category=laboratory", "system/Observation.rs", False),
        ("system/Observation.rs?category=laboratory", "system/Observation.r?category=laboratory&status=final", True),
        ("system/Observation.rs?category=laboratory", "system/Observation.rs?category=vital-signs", False),
    ],
)
def test_a_scope_covers_no_more_than_itself(held: str, asked: str, covered: bool) -> None:
    assert parse(held).covers(parse(asked)) is covered
