"""Checks many resources that one builder of ours has made, which differ in their values but not in their shape."""

from collections.abc import Iterable
from typing import Any

from fhir.validation import library
from fhir.validation.walker import walk


def are_sound(resources: Iterable[dict[str, Any]]) -> bool:
    """Whether none of these needs a word said about it; then ``save_many`` may be told that they are ``checked``.

    Each is walked along the definitions. The library's models, which take several times as long, see one of each shape:
    what they could say of the others, a date or a number of the wrong form, the walk has said already.
    """
    shapes: set[Any] = set()
    for resource in resources:
        if walk(resource):
            return False
        shape = _shape(resource)
        if shape not in shapes:
            shapes.add(shape)
            if library.check(resource):
                return False
    return True


def _shape(node: Any) -> Any:
    if isinstance(node, dict):
        return tuple((name, _shape(value)) for name, value in node.items())
    if isinstance(node, list):
        return tuple(_shape(value) for value in node)
    return type(node)
