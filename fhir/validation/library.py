"""The second opinion: the models of ``fhir.resources``. The only module that imports that library.

Its models are R4B, ours is R4. What they say about which elements exist, which are required and which exclude each
other is left to our own walk along the R4 definitions, where it is exact; their word on values counts.
"""

import warnings
from functools import cache
from typing import Any

from pydantic import BaseModel, ValidationError

from fhir.outcomes import Issue

#: Kinds of error that the walk answers from R4's own definitions (which allow any version of UUID).
_ANSWERED = frozenset({"extra_forbidden", "missing", "model_field_validation.missing", "uuid_version"})
_CHOICES = ("Any of one field value is expected", "Expect any of field value")


@cache
def _model(kind: str) -> type[BaseModel]:
    """The model of a type, imported when first needed: each brings its own memory with it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some field names shadow methods of their base
        from fhir.resources.R4B import get_fhir_model_class

        return get_fhir_model_class(kind)


def check(resource: dict[str, Any]) -> list[Issue]:
    """What the library's model of the resource's type says against it."""
    kind = resource["resourceType"]
    try:
        _model(kind).model_validate(resource)
    except ValidationError as error:
        return [
            Issue("error", "value", _expression(kind, problem["loc"]), _sentence(problem))
            for problem in error.errors(include_url=False, include_context=False)
            if problem["type"] not in _ANSWERED and not any(words in problem["msg"] for words in _CHOICES)
        ]
    except (ArithmeticError, AttributeError, ImportError, LookupError, RecursionError, TypeError, ValueError) as error:
        # The library's validators fail in many ways on shapes that they do not foresee; all mean the same here.
        return [Issue("error", "structure", kind, f"The resource could not be read as {kind}: {error}.")]
    return []


def _expression(kind: str, location: tuple[int | str, ...]) -> str:
    path = kind
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part.lstrip('_')}"
    return path


def _sentence(problem: Any) -> str:
    message = problem["msg"].removeprefix("Value error, ").rstrip(".")
    given = problem["input"]
    found = f" (found: {given!r:.60})" if isinstance(given, str | int | float) else ""
    return f"{message}{found}."
