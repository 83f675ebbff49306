"""Is this a FHIR R4 resource that we can keep? Every problem at once, each with its place and a plain sentence.

Two checks make one answer: our walk along the R4 definitions (elements, cardinality, JSON kinds without coercion,
required codes, references, narrative, FHIR's main constraints) and the models of ``fhir.resources``.
"""

from typing import Any

from fhir.outcomes import Issue
from fhir.validation import library
from fhir.validation.walker import TOO_DEEP, type_problem, walk


def validate(resource: dict[str, Any]) -> list[Issue]:
    """The problems of a resource, in the order of its elements; an empty list if it is in order.

    Those of severity ``error`` must keep it from being saved; a ``warning`` (a reference to an unusual type) need not.

    ``resource`` is as ``fhir.text.parse`` gives it: non-integer numbers are ``Decimal``. Nothing in it is changed.
    """
    kind = resource.get("resourceType")
    sentence = type_problem(kind)
    if sentence is not None:
        code = "not-supported" if isinstance(kind, str) and kind else "structure"
        return [Issue("error", code, "resourceType", sentence + ".")]
    issues = walk(resource)
    if any(issue.code == TOO_DEEP for issue in issues):
        return issues  # the models would recurse as deep as it goes
    further = library.check(resource)
    if further and issues:
        further = [issue for issue in further if not _already_said(issue.expression, issues)]
    return issues + further


def _already_said(expression: str, issues: list[Issue]) -> bool:
    """Whether the walk has found a problem there, below, or in the structure above."""
    return any(
        _within(issue.expression, expression)
        or (issue.code in ("structure", "not-supported") and _within(expression, issue.expression))
        for issue in issues
    )


def _within(inner: str, outer: str) -> bool:
    return inner == outer or (inner.startswith(outer) and inner[len(outer)] in ".[")
