"""Which resource a reference in a transaction means (https://hl7.org/fhir/R4/bundle.html#references)."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from fhir import text
from fhir.access import policy
from fhir.definitions import resource_types
from fhir.outcomes import Refused, refuse
from fhir.search import find
from healthhub.accounts.actors import Actor

_RESTFUL = re.compile(r"(https?://.+)/([A-Z]\w+/[A-Za-z0-9\-.]{1,64})")
_CONDITIONAL = re.compile(r"([A-Z]\w+)\?(.+)")


@dataclass(slots=True)
class Names:
    """What the entries of a transaction call each other, and the references that are stored instead.

    ``full`` holds their fullUrls. Where these are addresses of another server, its resources also call each other
    ``Patient/1``, and mean their own server's: ``relative`` holds these names by the server's base.
    """

    full: dict[str, str] = field(default_factory=dict)
    relative: dict[str, dict[str, str]] = field(default_factory=dict)

    def add(self, full_url: str, target: str) -> None:
        """An entry and the reference that stands for it; the same fullUrl may not come twice."""
        self.full[full_url] = target
        if found := _RESTFUL.fullmatch(full_url):
            self.relative.setdefault(found[1], {})[found[2]] = target

    def seal(self) -> None:
        """All entries are added: put each base's names together with the common ones, once."""
        self.relative = {base: {**names, **self.full} for base, names in self.relative.items()}

    def known_to(self, full_url: str) -> dict[str, str]:
        """The names that count in the entry with this fullUrl."""
        found = _RESTFUL.fullmatch(full_url)
        return self.relative.get(found[1], self.full) if found else self.full


def resolved(document: text.Document, names: Names, *, full_url: str, where: str, actor: Actor) -> text.Document:
    """The document with its references to other entries, and its searches for resources, replaced.

    Refused: a search without exactly one match (412), and a ``urn:`` that is no entry's (422): it would lead nowhere.
    """
    document = document.rewritten(names.known_to(full_url))
    if "?" in document.raw and (found := dict(_searches(document, where, actor=actor))):
        document = document.rewritten(found)
    if '"urn:' in document.raw and document.resource.get("resourceType") != "Bundle":
        for reference in text.reference_strings(document.raw):
            if reference.startswith("urn:uuid:"):
                raise refuse(422, "not-found", f"No entry of this Bundle has the fullUrl {reference}.", where)
    return document


def refuse_own_address(document: text.Document, base_url: str, where: str = "") -> None:
    """Refused (422): a reference by this server's own address. Kept as it is, it would not be found as ``Type/id``."""
    if f'"{base_url}/' not in document.raw or document.resource.get("resourceType") == "Bundle":
        return
    for reference in text.reference_strings(document.raw):
        if reference.startswith(f"{base_url}/"):
            raise refuse(
                422,
                "value",
                f"Refer to resources of this server as {reference.removeprefix(base_url + '/')}, not as {reference}.",
                where or str(document.resource.get("resourceType")),
            )


def _searches(document: text.Document, where: str, *, actor: Actor) -> Iterator[tuple[str, str]]:
    for reference in sorted(set(text.reference_strings(document.raw))):
        query = _CONDITIONAL.fullmatch(reference)
        if query and query[1] in resource_types():
            try:
                policy().require("s", query[1], actor=actor)
                may = policy().readable(actor, searching=True)
                rows = find(query[1], parse_qsl(query[2], keep_blank_values=True), may)
            except Refused as error:
                raise Refused(error.status, [issue.below(where) for issue in error.issues]) from error
            yield reference, _sole(query[1], [row.id for row in rows], where)


def _sole(kind: str, ids: Iterable[str], where: str) -> str:
    found = list(ids)
    if len(found) != 1:
        count = "several resources" if found else "no resource"
        raise refuse(412, "not-found", f"The reference {kind}?… matches {count} that you may read.", where)
    return f"{kind}/{found[0]}"
