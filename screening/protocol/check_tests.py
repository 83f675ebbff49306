"""What must be true of a protocol's tests: every result has a category, and every category leads somewhere."""

from collections.abc import Iterator
from typing import Any, Final

from screening.protocol.check_values import LANGUAGES, code_faults, is_positive
from screening.protocol.terms import AFTER_CONTACT, AT_ONCE, DOUBLE, OUTCOMES
from screening.protocol.words import key_of

INTERPRETATIONS: Final = ("POS", "NEG", "IND")


def test_faults(raw: dict[str, Any]) -> Iterator[str]:
    """Faults of [tests]: codes, units and cut-offs, categories, readings, what is reported beside a result."""
    yield from _tests(raw)
    yield from _readings(raw)
    yield from _components(raw)


def _tests(raw: dict[str, Any]) -> Iterator[str]:
    for key, test in raw["tests"].items():
        path = f"tests.{key}"
        yield from code_faults([code["code"] for code in test["codes"]], f"{path}.codes")
        if test.get("part_of", key) not in raw["tests"]:
            yield f"{path}.part_of: unknown test {test['part_of']!r}"
        units = {unit["unit"] for unit in test.get("units", ())}
        for code in test["codes"]:
            if unknown := set(code.get("units", ())) - units:
                yield f"{path}.codes {code['code']}: unknown units {sorted(unknown)}"
        if units and test.get("positive_when") != "value >= cutoff":
            yield f"{path}.positive_when: say what the boundary value is: 'value >= cutoff'"
        for name in ("category_at_or_above", "category_below"):
            if units and test.get(name) not in test["categories"]:
                yield f"{path}.{name}: is not a category"
        if units and test.get("category_at_or_above") == test.get("category_below"):
            yield f"{path}: the values above and below the cut-off are one category"
        for unit in test.get("units", ()):
            if "default_cutoff" not in unit and not test.get("kits"):
                yield f"{path}.units {unit['unit']}: has no cut-off, so its numbers would have no category"
        yield from _kits(test, units, path)
        yield from _categories(raw, test, path)


def _kits(test: dict[str, Any], units: set[str], path: str) -> Iterator[str]:
    for kit in test.get("kits", ()):
        factor, cutoff = kit.get("factor", {}), kit.get("cutoff", {})
        named = {factor.get("from"), factor.get("to"), cutoff.get("unit")} - {None}
        if unknown := named - units:
            yield f"{path}.kits {kit['name']}: unknown units {sorted(unknown)}"
        for number in (factor.get("times"), cutoff.get("value")):
            if number is not None and not is_positive(number):
                yield f"{path}.kits {kit['name']}: {number!r} is not a positive number written as text"
    for unit in test.get("units", ()):
        if "default_cutoff" in unit and not is_positive(unit["default_cutoff"]):
            yield f"{path}.units {unit['unit']}: default_cutoff is not a positive number written as text"


def _categories(raw: dict[str, Any], test: dict[str, Any], path: str) -> Iterator[str]:
    meant: dict[str, str] = {}
    coded: dict[str, str] = {}
    outcomes = {category["outcome"] for category in test["categories"].values()}
    if missing := set(OUTCOMES) - outcomes:
        yield f"{path}.categories: none is {', '.join(sorted(missing))}"
    for name, category in test["categories"].items():
        here = f"{path}.categories.{name}"
        if category["outcome"] not in OUTCOMES:
            yield f"{here}.outcome: {category['outcome']!r} is none of {', '.join(OUTCOMES)}"
        if category["interpretation"] not in INTERPRETATIONS:
            yield f"{here}.interpretation: unknown {category['interpretation']!r}"
        if not category["codes"]:
            yield f"{here}.codes: is empty"
        yield from code_faults(category["codes"], f"{here}.codes")
        if "leads_to" in category and category["leads_to"] not in raw["steps"]:
            yield f"{here}.leads_to: unknown step {category['leads_to']!r}"
        if "leads_to" not in category and category["outcome"] != "negative":
            yield f"{here}: is {category['outcome']} and leads to nothing"
        if category["outcome"] == "negative" and "next_months" not in category:
            yield f"{here}.next_months: is missing, so the person would never be due again"
        if category["wording"] not in raw["wording"]:
            yield f"{here}.wording: unknown {category['wording']!r}"
        for word in (*category["words"], *category.get("label", {}).values()):
            if meant.setdefault(key_of(word), name) != name:
                yield f"{here}.words: {word!r} also means {meant[key_of(word)]}"
        for code in category["codes"]:
            if coded.setdefault(code, name) != name:
                yield f"{here}.codes: {code!r} also means {coded[code]}"


def _readings(raw: dict[str, Any]) -> Iterator[str]:
    """Second readings, double entry, and when the citizen sees a result."""
    for key, test in raw["tests"].items():
        path, first = f"tests.{key}", test.get("second_reading_of")
        if test.get("entry", "single") not in ("single", DOUBLE):
            yield f"{path}.entry: {test['entry']!r} is neither single nor {DOUBLE}"
        if (first is None) != ("disagreement_leads_to" not in test):
            yield f"{path}: second_reading_of and disagreement_leads_to belong together"
        elif first is not None:
            if first not in raw["tests"] or first == key:
                yield f"{path}.second_reading_of: unknown test {first!r}"
            elif not any(
                step["state"] == "reading_due" and f"result:{key}" in step["discharged_by"]
                for step in raw["steps"].values()
            ):
                yield f"{path}: no step of state reading_due waits for it, so one reading would be enough"
            if test["disagreement_leads_to"] not in raw["steps"]:
                yield f"{path}.disagreement_leads_to: unknown step {test['disagreement_leads_to']!r}"
        for name, category in test["categories"].items():
            release, days = category.get("release", AT_ONCE), category.get("hold_days")
            if release not in (AT_ONCE, AFTER_CONTACT):
                yield f"{path}.categories.{name}.release: {release!r} is neither {AT_ONCE} nor {AFTER_CONTACT}"
            if (release == AFTER_CONTACT) != (days is not None) or (days is not None and days < 1):
                yield f"{path}.categories.{name}.hold_days: belongs to release = {AFTER_CONTACT!r}, above 0"


def _components(raw: dict[str, Any]) -> Iterator[str]:
    """What is reported beside the category: breast density, how well the liver could be seen."""
    for key, test in raw["tests"].items():
        for name in ("categories", "components"):
            if f"{name}_of" in test:
                yield f"tests.{key}.{name}_of: {test[f'{name}_of']!r} has no {name}, or it has its own"
        for component in test.get("components", ()):
            path = f"tests.{key}.components {component['key']}"
            yield from code_faults(component["codes"], f"{path}.codes")
            if not component["codes"] or not component["values"] or not component["name"].keys() >= set(LANGUAGES):
                yield f"{path}: needs a name in both languages, a code and values"
            for value in component["values"]:
                yield from code_faults(value["codes"], f"{path}.values {value['key']}")
                if not value["codes"] or not value["label"].keys() >= set(LANGUAGES):
                    yield f"{path}.values {value['key']}: needs a label in both languages and a code"
            yield from _leading(raw, component, path)


def _leading(raw: dict[str, Any], component: dict[str, Any], path: str) -> Iterator[str]:
    """If one value of a component asks for a step, each says what it asks for: no value may fall through."""
    values = component["values"]
    keys = [value["key"] for value in values]
    yield from (f"{path}.values {key}: is there twice" for key in sorted(set(keys)) if keys.count(key) > 1)
    meant: dict[str, str] = {}
    for value in values:
        for word in (*value["codes"], *(key_of(label) for label in value["label"].values())):
            if meant.setdefault(word, value["key"]) != value["key"]:
                yield f"{path}.values {value['key']}: {word!r} also means {meant[word]}"
    if not any("leads_to" in value for value in values):
        return
    if component.get("source") is None and component.get("city_sets") is not True:
        yield f"{path}: leads to a step, but names neither a source nor city_sets = true"
    for value in values:
        here, target = f"{path}.values {value['key']}", value.get("leads_to")
        if (target is None) != (value.get("nothing_more") is True):
            yield f"{here}: leads_to a step or nothing_more = true, one of the two"
        if target is not None and target not in raw["steps"]:
            yield f"{here}.leads_to: unknown step {target!r}"
        if target is not None and value.get("wording") not in raw["wording"]:
            yield f"{here}.wording: {value.get('wording')!r} is none of [wording]"
