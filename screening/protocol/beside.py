"""What is reported beside a result, and what it asks for when the result itself is a final negative."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from screening.protocol.events import Event
from screening.protocol.shapes import NEGATIVE, VERIFY, Component, ComponentValue, Protocol, Test, Text
from screening.protocol.words import key_of


def read_components(test: Test, parts: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Component -> value of an Observation's ``component``; the value is "" where the protocol cannot read it."""
    found: dict[str, str] = {}
    for part in parts:
        component = next((one for one in test.components if _has(one.codings, part.get("code"))), None)
        if component is not None:
            concept = part.get("valueCodeableConcept") or {}
            found[component.key] = _value_of(component, concept, part.get("valueString") or concept.get("text") or "")
    return found


def steps_beside(protocol: Protocol, event: Event, results: Sequence[Event]) -> list[str]:
    """The steps that a final negative (``event``) still asks for by what was reported beside it.

    Another reading of the same day counts as much as this one, the denser of two wins; if none says anything, what the
    round (``results``, oldest first) knew before holds. A value that nobody can read must be verified.
    """
    test = protocol.tests.get(event.data["test"])
    if test is None or event.data["outcome"] != NEGATIVE:
        return []
    steps: dict[str, None] = {}
    for component in test.components:
        if component.leads:
            steps |= dict.fromkeys(_asked(component, _said(protocol, component, event, results)))
    return list(steps)


def with_components(test: Test, explanation: Text, said: Mapping[str, str]) -> dict[str, str]:
    """A reading followed by what was reported beside it, in each language."""
    parts = [(one, one.values.get(said[one.key])) for one in test.components if one.key in said]
    unread = {"vi": "không đọc được", "en": "cannot be read"}
    return {
        language: "; ".join(
            [text, *(f"{one.name[language]}: {(value.label if value else unread)[language]}" for one, value in parts)]
        )
        for language, text in explanation.items()
    }


def value_leading_to(test: Test | None, step: str) -> ComponentValue | None:
    """What, reported beside this test, leads to the step."""
    values = [value for one in test.components for value in one.values.values()] if test else []
    return next((value for value in values if value.leads_to == step), None)


def _said(protocol: Protocol, component: Component, event: Event, results: Sequence[Event]) -> list[str]:
    told = [
        (one.occurred_on, one.data["components"][component.key])
        for one in results
        if not one.data.get("preliminary")
        and component.key in one.data.get("components", {})
        and _reports(protocol.tests.get(one.data["test"]), component)
    ]
    now = [value for day, value in told if day == event.occurred_on]
    last = max((day for day, _value in told if day <= event.occurred_on), default=None)
    return now or [value for day, value in told if day == last]


def _reports(test: Test | None, component: Component) -> bool:
    return test is not None and component in test.components


def _asked(component: Component, said: Iterable[str]) -> list[str]:
    found = [component.values.get(value) for value in said]
    steps = [value.leads_to if value else VERIFY for value in found]
    return [step for step in steps if step]


def _value_of(component: Component, concept: Mapping[str, Any], text: str) -> str:
    for value in component.values.values():
        if _has(value.codings, concept):
            return value.key
    return value_said(component, text)


def value_said(component: Component, text: str) -> str:
    """The value that a text names, by its key or label; "" for none."""
    word = key_of(text) if text else ""
    return next(
        (one.key for one in component.values.values() if word in map(key_of, (one.key, *one.label.values()))), ""
    )


def _has(codings: Iterable[tuple[str, str]], concept: Mapping[str, Any] | None) -> bool:
    known = set(codings)
    return any((one.get("system", ""), one.get("code", "")) in known for one in (concept or {}).get("coding") or ())
