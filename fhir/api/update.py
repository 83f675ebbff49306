"""update, also as create (https://hl7.org/fhir/R4/http.html#update)."""

from django.http import HttpResponse

from fhir import store, text
from fhir.api.http import (
    FhirRequest,
    base_url,
    etag_version,
    location,
    read_body,
    require_json,
    require_type,
    version_response,
)
from fhir.outcomes import refuse
from fhir.resolution import refuse_own_address


def update(request: FhirRequest, type: str, id: str) -> HttpResponse:
    """Save a new version, or the first one under the client's id; ``If-Match`` guards against a lost update."""
    require_type(type)
    require_json(request)
    document = text.parse(read_body(request))
    draft = store.Draft(
        document,
        id=id,
        if_match=etag_version(request.headers.get("If-Match"), "If-Match"),
        only_new=request.headers.get("If-None-Match", "").strip() == "*",
    )
    if draft.type != type:
        raise refuse(
            400, "invalid", f"A {draft.type or 'resource without resourceType'} was put to /fhir/{type}.", type
        )
    if document.resource.get("id") != id:
        raise refuse(
            400,
            "invalid",
            f"The body's id must be the one in the address, {id}, not {document.resource.get('id')!r}.",
            f"{type}.id",
        )
    refuse_own_address(document, base_url(request))
    saved = store.save_many([draft], actor=request.auth)[0]
    return version_response(
        request,
        saved.content,
        status=201 if saved.created else 200,
        version=saved.version,
        last_updated=saved.last_updated,
        location=location(request, type, saved.id, saved.version),
    )
