"""Problems and how they are told: one ``Issue`` each, all of them together in one OperationOutcome."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

Severity = Literal["fatal", "error", "warning", "information"]


@dataclass(frozen=True, slots=True)
class Issue:
    """One problem: ``code`` is from the FHIR value set issue-type, ``expression`` a path such as ``Patient.gender``.

    ``scope`` is the one that a token lacks, where that is the problem.
    """

    severity: Severity
    code: str
    expression: str
    diagnostics: str
    scope: str = ""

    def below(self, prefix: str) -> "Issue":
        """The same issue seen from an enclosing resource, e.g. below ``Bundle.entry[3].resource``."""
        _, _, rest = self.expression.partition(".")
        return replace(self, expression=f"{prefix}.{rest}" if rest else prefix)


class Asked(NamedTuple):
    """A thing that somebody asked for; ``id`` is "" for a search or something new, ``patient`` None if not known."""

    type: str
    id: str = ""
    patient: str | None = None


class Refused(Exception):
    """A request that is not carried out; nothing of it was saved.

    ``status`` is the HTTP status that FHIR's RESTful API gives for it (400 unreadable, 403 not allowed, 404, 409, 410,
    412 precondition, 422 invalid content). ``asked`` names the things that are not the actor's, for the access log.
    """

    def __init__(self, status: int, issues: Sequence[Issue], *, asked: Iterable[Asked] = ()) -> None:
        super().__init__("; ".join(f"{issue.expression}: {issue.diagnostics}" for issue in issues))
        self.status = status
        self.issues = list(issues)
        self.asked = list(asked)


def refuse(status: int, code: str, diagnostics: str, expression: str = "") -> Refused:
    """A refusal with a single error."""
    return Refused(status, [Issue("error", code, expression, diagnostics)])


def operation_outcome(issues: Iterable[Issue]) -> dict[str, Any]:
    """The OperationOutcome resource that carries the issues, errors first as they came."""
    entries: list[dict[str, Any]] = []
    for issue in issues:
        entry: dict[str, Any] = {
            "severity": issue.severity,
            "code": issue.code,
            "diagnostics": _writable(issue.diagnostics),
        }
        if issue.expression:
            entry["expression"] = [_writable(issue.expression)]
        entries.append(entry)
    return {"resourceType": "OperationOutcome", "issue": entries}


def _writable(sentence: str) -> str:
    """Without the halves of surrogate pairs that a quoted value may hold: no UTF-8 can carry them."""
    return sentence.encode(errors="replace").decode()
