"""The shape of Reference.reference, and whether it may point to that type."""

import re
from collections.abc import Set

from fhir import definitions

_ID = r"[A-Za-z0-9\-.]{1,64}"
_relative = re.compile(rf"([A-Za-z]+)/({_ID})(?:/_history/({_ID}))?(?:#\S+)?").fullmatch
_absolute = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://\S+").fullmatch
_at_server = re.compile(rf"https?://\S+/([A-Z][A-Za-z]+)/{_ID}(?:/_history/{_ID})?").fullmatch
_uuid = re.compile(r"urn:uuid:[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}").fullmatch
_oid = re.compile(r"urn:oid:[0-2](?:\.(?:0|[1-9][0-9]*))+").fullmatch
_RESOURCE_TYPES = definitions.r4_types()


#: Elements that say whose record a resource belongs to: there, pointing to a wrong type is an error. Elsewhere it is
#: a warning, since good data does it: HL7's own examples name an encounter as performer or a procedure as reason.
DECISIVE = frozenset({"subject", "patient", "beneficiary"})


def problem(reference: str, stated_type: object, contained: Set[str]) -> tuple[str, str] | None:
    """An issue code with a sentence, or None if the reference has a proper shape.

    ``contained`` holds the ids that a ``#id`` may mean, ``stated_type`` is Reference.type.
    """
    found = _relative(reference)
    if found is not None:
        kind = found[1]
        if kind not in _RESOURCE_TYPES:
            return "value", f"{reference!r} points to {kind!r}, which is not a resource type of FHIR R4"
        if isinstance(stated_type, str) and stated_type in _RESOURCE_TYPES and stated_type != kind:
            return "value", f"{reference!r} points to a {kind}, but 'type' says {stated_type}"
        return None
    if reference.startswith("#"):
        if reference == "#" or reference[1:] in contained:
            return None
        return "not-found", f"{reference!r} points to no resource in 'contained'; give the contained resource that id"
    if reference.startswith("urn:"):
        if _uuid(reference) or _oid(reference):
            return None
        return "value", f"{reference!r} is neither urn:uuid: with a UUID nor urn:oid: with an OID"
    if _absolute(reference):
        return None
    if "?" in reference and reference.partition("?")[0] in _RESOURCE_TYPES:
        return "value", f"{reference!r} is a search; a reference may be a search in a transaction Bundle only"
    return (
        "value",
        f"{reference!r} is not a reference; expected is 'Type/id', an absolute URL, '#id' of a contained resource, "
        "or urn:uuid:/urn:oid:",
    )


def wrong_target(reference: str, targets: Set[str]) -> str | None:
    """A sentence if the reference, relative or to a FHIR server, points to a type that the element does not allow."""
    found = _relative(reference) or _at_server(reference)
    if found is None or not targets or found[1] in targets or found[1] not in _RESOURCE_TYPES:
        return None
    return f"{reference!r} points to a resource of type {found[1]}; allowed here: {', '.join(sorted(targets))}"
