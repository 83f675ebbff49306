"""Lets tests of one protocol share their categories, so that a file says each of them once."""

from typing import Any


def share_categories(raw: dict[str, Any]) -> dict[str, Any]:
    """The file's raw values with every test's categories written out; a file that shares none comes back as it is.

    ``categories_of`` takes over another test's categories (three readings of one image), ``components_of`` what is
    reported beside them. ``leads_to`` of a test stands for that of each of its adequate categories (whatever the first
    reader sees, the second reads next); who takes the categories over gets them as they are written. An unknown name is
    left in place, for the check to find.
    """
    tests = raw.get("tests")
    if not isinstance(tests, dict) or not all(isinstance(test, dict) for test in tests.values()):
        return raw
    if not any({"categories_of", "components_of", "leads_to"} & test.keys() for test in tests.values()):
        return raw
    return raw | {"tests": {key: _written_out(tests, test) for key, test in tests.items()}}


def _written_out(tests: dict[str, Any], test: dict[str, Any]) -> dict[str, Any]:
    beside = tests.get(test.get("components_of", ""), {})
    if "components" in beside and "components" not in test:
        test = {key: value for key, value in test.items() if key != "components_of"}
        test["components"] = beside["components"]
    shared = tests.get(test.get("categories_of", ""), {})
    if "categories_of" in test and "categories" not in test:
        if "categories" not in shared:
            return test | {"categories": {}}
        test = {key: value for key, value in test.items() if key != "categories_of"}
        test["categories"] = shared["categories"]
    if (step := test.get("leads_to")) is None:
        return test
    categories = {
        key: category | {"leads_to": step} if category.get("outcome") in ("positive", "negative") else category
        for key, category in test["categories"].items()
    }
    return {key: value for key, value in test.items() if key != "leads_to"} | {"categories": categories}
