"""create and conditional create (https://hl7.org/fhir/R4/http.html#create)."""

from django.http import HttpRequest, HttpResponse

from fhir import store, text
from fhir.api.http import location, read_body, require_json, require_type, version_response
from fhir.matching import match_one
from fhir.outcomes import refuse


def create(request: HttpRequest, type: str) -> HttpResponse:
    """Save a new resource under an id of ours; with ``If-None-Exist`` only if nothing matches yet."""
    require_type(type)
    require_json(request)
    draft = store.Draft(text.parse(read_body(request)))
    if draft.type != type:
        raise refuse(
            400, "invalid", f"A {draft.type or 'resource without resourceType'} was posted to /fhir/{type}.", type
        )
    if criteria := request.headers.get("If-None-Exist"):
        found = match_one(type, criteria, draft.resource, actor=request.auth)
        if found:
            return version_response(
                request,
                found.content,
                status=200,
                version=found.version,
                last_updated=found.last_updated,
                location=location(request, type, found.id, found.version),
            )
    saved = store.save_many([draft], actor=request.auth)[0]
    return version_response(
        request,
        saved.content,
        status=201,
        version=saved.version,
        last_updated=saved.last_updated,
        location=location(request, type, saved.id, saved.version),
    )
