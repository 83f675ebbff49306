"""What is reported beside a result (breast density), as an Observation carries it: writing it, and reading it back."""

from collections.abc import Mapping
from typing import Any

from fhir.models import Resource
from fhir.text import parse
from screening.protocol import Test
from screening.protocol.beside import read_components
from screening.protocol.shapes import Component

PREFIX = "component_"  # of the form fields, before the component's key


def build_components(test: Test, said: Mapping[str, str], previous: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """``Observation.component`` for component -> value ("" says nothing); parts of the earlier version that are none of
    the test's stay as they are. KeyError for a value that the component does not have."""
    kept = [part for part in (previous or {}).get("component", ()) if not read_components(test, [part])]
    return [*kept, *(_part(one, said[one.key]) for one in test.components if said.get(one.key))]


def stored_components(observation_id: str, test: Test) -> dict[str, str]:
    """Component -> value as the stored Observation says. The caller has checked access."""
    text = Resource.objects.filter(type="Observation", id=observation_id).values_list("content", flat=True).first()
    return read_components(test, parse(text).resource.get("component", ())) if text else {}


def _part(component: Component, key: str) -> dict[str, Any]:
    value = component.values[key]
    system, code = component.codings[0]
    value_system, value_code = value.codings[0]
    return {
        "code": {"coding": [{"system": system, "code": code}], "text": component.name["vi"]},
        "valueCodeableConcept": {
            "coding": [{"system": value_system, "code": value_code}],
            "text": value.label["vi"],
        },
    }
