"""What kind of value each field of a protocol file holds, so that a slip in a file is told with its place.

It comes before all other checks, which then may rely on it. A field that is not known is a fault too: a misspelt
``review_month`` would be read by nobody, and nobody would notice.
"""

from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Any, Final

LARGEST: Final = 36_500  # a hundred years of days; more is a slip, and no date can be counted by it
LANGUAGES: Final = {"vi", "en"}

_NUMBERS = """
after_days attempts hold_days interval_months invite_days_before limit_days limit_months max_age min_age next_months
nonresponse_after_days overdue_after_days remind_after_days review_months then_months urgency warn_days within_days
within_months years
"""
_WORDS = """
age_counted assessment at_least categories_of category_at_or_above category_below clock_from code components_of
default_cutoff disagreement_leads_to display entry from group interpretation key kind leads_to mode outcome owner
part_of positive_leads_to positive_when programme release residence second_reading_of source state times to unit value
version
"""
_LISTS_OF_WORDS = "aliases any_of discharged_by icd10 sexes spellings words"
_TABLES = (
    "assessments call cancer categories cutoff eligibility factor observation reasons result sources steps stopped"
)
_LISTS_OF_TABLES = "bands components escalate exclusions findings kits risk_groups values"
_TRUTHS = "by_result city_sets discharges ends evidence nothing_more requires_risk_group second"
#: Tables whose keys are names that the file itself gives.
_NAMED: Final = ("tests", "steps", "assessments", "categories", "reasons")
#: What each table must hold, by the field that it stands in.
_NEEDED: Final = {
    "assessments": "name display codes findings",
    "bands": "min_age tests interval_months",
    "cancer": "icd10 interval_months",
    "categories": "outcome label interpretation codes words wording",
    "codes": "code display",
    "components": "key name codes values",
    "cutoff": "value unit",
    "eligibility": "sexes age_counted bands",
    "escalate": "to after_days",
    "exclusions": "key name codes",
    "factor": "from to times",
    "findings": "key label codes",
    "kits": "name aliases",
    "observation": "code at_least unit",
    "result": "codes any_of",
    "risk_groups": "key name",
    "stopped": "codes years",
    "steps": "state urgency name owner discharged_by warn_days escalate",
    "tests": "name codes",
    "units": "unit display spellings",
    "values": "key label codes",
    "wording": "version",
}
_PARTS: Final = {"verdict", "meaning", "next"}


def type_faults(raw: dict[str, Any]) -> Iterator[str]:
    """Every value of another kind than its field's, and every field that is not known, with its place."""
    for key, value in raw.items():
        if key == "wording":
            yield from _wording(value)
        else:
            yield from _field(key, value, key)


def _field(key: str, value: Any, path: str, of: str = "") -> Iterator[str]:
    kind = _KINDS_OF.get((of, key)) or _KINDS.get(key)
    if kind is None:
        yield f"{path}: is not a known field"
    elif not _IS[kind](value):
        yield f"{path}: {value!r:.60} is not {_SAID[kind]}"
    elif isinstance(value, dict) and key == "sources":
        yield from (f"{path}.{name}: is not a text" for name, text in value.items() if not isinstance(text, str))
    elif isinstance(value, dict) and key in _NAMED:
        for name, part in value.items():
            if not isinstance(part, dict):
                yield f"{path}.{name}: {part!r:.60} is not a table"
            elif key == "reasons" and not _is_text({one: part.get(one) for one in LANGUAGES}):
                yield f"{path}.{name}: needs a text in vi and en"
            else:
                yield from _table(part, f"{path}.{name}", key)
    elif isinstance(value, dict) and not _is_text(value):
        yield from _table(value, path, key)
    elif isinstance(value, list):
        for position, part in enumerate(value):
            if isinstance(part, dict):
                yield from _table(part, f"{path}[{position}]", key)


def _table(value: dict[str, Any], path: str, of: str) -> Iterator[str]:
    yield from (f"{path}.{key}: is missing" for key in _NEEDED.get(of, "").split() if key not in value)
    for key, part in value.items():
        if of != "reasons" or key not in LANGUAGES:
            yield from _field(key, part, f"{path}.{key}", of)


def _wording(value: Any) -> Iterator[str]:
    if not isinstance(value, dict):
        yield "wording: is not a table"
        return
    yield from (f"wording.{key}: is missing" for key in _NEEDED["wording"].split() if key not in value)
    for key, part in value.items():
        if key in ("version", "source"):
            if not isinstance(part, int | str):
                yield f"wording.{key}: {part!r:.60} is not a number or a text"
        elif not isinstance(part, dict) or not all(
            isinstance(text, dict) and set(text) <= _PARTS and all(isinstance(one, str) for one in text.values())
            for text in part.values()
        ):
            yield f"wording.{key}: holds verdict, meaning and next as texts, in each language"


def _is_text(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == LANGUAGES and all(isinstance(one, str) for one in value.values())


def _is_list(value: Any, of: type) -> bool:
    return isinstance(value, list) and all(isinstance(one, of) for one in value)


_IS: Final[dict[str, Callable[[Any], bool]]] = {
    "number": lambda value: isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST,
    "word": lambda value: isinstance(value, str) and value != "",
    "truth": lambda value: isinstance(value, bool),
    "day": lambda value: isinstance(value, date) and not isinstance(value, datetime),
    "text": _is_text,
    "table": lambda value: isinstance(value, dict),
    "words": lambda value: _is_list(value, str),
    "tables": lambda value: _is_list(value, dict),
}
_SAID: Final = {
    "number": f"a whole number from 0 to {LARGEST}",
    "word": "a word",
    "truth": "true or false",
    "day": "a day",
    "text": "a text in vi and en",
    "table": "a table",
    "words": "a list of words",
    "tables": "a list of tables",
}
_KINDS: Final[dict[str, str]] = {
    **dict.fromkeys(_NUMBERS.split(), "number"),
    **dict.fromkeys(_WORDS.split(), "word"),
    **dict.fromkeys(_LISTS_OF_WORDS.split(), "words"),
    **dict.fromkeys(_TABLES.split(), "table"),
    **dict.fromkeys(_LISTS_OF_TABLES.split(), "tables"),
    **dict.fromkeys(_TRUTHS.split(), "truth"),
    "codes": "words",
    "label": "text",
    "name": "text",
    "tests": "table",
    "units": "tables",
    "valid_from": "day",
    "wording": "word",
}
#: Fields that hold something else in one table than elsewhere.
_KINDS_OF: Final = {
    ("bands", "tests"): "words",
    ("codes", "units"): "words",
    ("kits", "name"): "word",
    ("tests", "codes"): "tables",
}
