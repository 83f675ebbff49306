"""What a correction changes, as its reviewer reads it: old -> new."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from fhir.text import parse
from screening.facts import Fact, read_fact
from screening.imports.columns import NAMES, Column
from screening.imports.values import DENSITY
from screening.protocol import protocol_for
from screening.results import known_test


def differences(stored: str, resource: Mapping[str, Any]) -> list[list[str]]:
    """[heading, old, new] of all that a reader would see differ."""
    previous = parse(stored).resource
    old = read_fact({**previous, "status": "final"}, facility=None)
    new = read_fact({**resource, "status": "final"}, facility=None)
    pairs = [
        (Column.RESULT, said(old), said(new)),
        *_measured(old, new),
        (Column.DENSITY, _density(old), _density(new)),
        (Column.COLLECTED_ON, _day(old, "collected_on"), _day(new, "collected_on")),
        (Column.RESULTED_ON, _day(old, "resulted_on"), _day(new, "resulted_on")),
        (Column.NOTE, _note(previous), _note(resource)),
    ]
    return [[heading(column), before, after] for column, before, after in pairs if before != after]


def said(fact: Fact | None) -> str:
    """A result in words: "12,5 ug/g (Âm tính)"."""
    if fact is None or fact.result is None:
        return ""
    found = fact.result
    category = protocol_for(fact.programme, found["collected_on"]).category(found["test"], found["category"])
    label = category.label["en" if _english() else "vi"] if category else _("chưa phân loại được")
    if found["value"] is None:
        return label
    number = f"{found['value']:f}" if _english() else f"{found['value']:f}".replace(".", ",")
    return f"{found['comparator']}{number} {found['unit']} ({label})"


def _measured(old: Fact | None, new: Fact | None) -> list[tuple[Column, str, str]]:
    """By which kit and cut-off two numbers were read; a word has neither."""
    both = [one.result for one in (old, new) if one and one.result and one.result["value"] is not None]
    if len(both) < 2:
        return []
    (kit, cutoff), (kit_now, cutoff_now) = ((one["kit"], _cutoff(one)) for one in both)
    return [(Column.KIT, kit, kit_now), (Column.CUTOFF, cutoff, cutoff_now)]


def _cutoff(found: Mapping[str, Any]) -> str:
    return "" if found["cutoff"] is None else f"{_number(found['cutoff'])} {found['unit']}"


def _density(fact: Fact | None) -> str:
    """Breast density in words; as it is kept if the protocol cannot read it."""
    said = fact.data.get("components", {}).get(DENSITY) if fact else None
    if said is None or fact is None or fact.result is None:
        return ""
    test = known_test(fact.result["test"], fact.result["collected_on"])[1]
    value = next((one.values.get(said) for one in test.components if one.key == DENSITY), None)
    return value.label["en" if _english() else "vi"] if value else _("không đọc được")


def _number(value: Decimal) -> str:
    text = f"{value.normalize() + 0:f}"
    return text if _english() else text.replace(".", ",")


def heading(column: Column) -> str:
    """A column's name in the active language, in words."""
    return str(NAMES[column])


def _english() -> bool:
    return (get_language() or "vi").startswith("en")


def _day(fact: Fact | None, name: str) -> str:
    day = fact.result[name] if fact and fact.result else None
    return f"{day:%d/%m/%Y}" if isinstance(day, date) else ""


def _note(resource: Mapping[str, Any]) -> str:
    return "; ".join(note.get("text", "") for note in resource.get("note") or ())
