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


def problem(reference: str, stated_type: object, targets: Set[str], contained: Set[str]) -> tuple[str, str] | None:
    """An issue code with a sentence, or None if the reference is in order.

    ``targets`` are the types that the element may point to (empty: any), ``contained`` the ids that a ``#id`` may
    mean, ``stated_type`` is Reference.type.
    """
    found = _relative(reference)
    if found is not None:
        kind = found[1]
        if kind not in _RESOURCE_TYPES:
            return "value", f"{reference!r} points to {kind!r}, which is not a resource type of FHIR R4"
        if isinstance(stated_type, str) and stated_type in _RESOURCE_TYPES and stated_type != kind:
            return "value", f"{reference!r} points to a {kind}, but 'type' says {stated_type}"
        return _wrong_target(reference, kind, targets)
    if reference.startswith("#"):
        if reference == "#" or reference[1:] in contained:
            return None
        return "not-found", f"{reference!r} points to no resource in 'contained'; give the contained resource that id"
    if reference.startswith("urn:"):
        if _uuid(reference) or _oid(reference):
            return None
        return "value", f"{reference!r} is neither urn:uuid: with a UUID nor urn:oid: with an OID"
    if _absolute(reference):
        at_server = _at_server(reference)
        if at_server is not None and at_server[1] in _RESOURCE_TYPES:
            return _wrong_target(reference, at_server[1], targets)
        return None
    if "?" in reference and reference.partition("?")[0] in _RESOURCE_TYPES:
        return "value", f"{reference!r} is a search; a reference may be a search in a transaction Bundle only"
    return (
        "value",
        f"{reference!r} is not a reference; expected is 'Type/id', an absolute URL, '#id' of a contained resource, "
        "or urn:uuid:/urn:oid:",
    )


def _wrong_target(reference: str, kind: str, targets: Set[str]) -> tuple[str, str] | None:
    if not targets or kind in targets:
        return None
    return "value", f"{reference!r} points to a {kind}; allowed here: {', '.join(sorted(targets))}"
