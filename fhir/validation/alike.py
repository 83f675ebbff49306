"""Checks many resources that one builder of ours has made, which differ in their values but not in their shape."""

from collections.abc import Iterable
from typing import Any

from fhir.validation import library
from fhir.validation.walker import walk

_NESTED = frozenset({dict, list})


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
    if type(node) is dict:
        return tuple([(name, _shape(one) if type(one) in _NESTED else type(one)) for name, one in node.items()])
    if type(node) is list:
        return tuple([_shape(one) if type(one) in _NESTED else type(one) for one in node])
    return type(node)
