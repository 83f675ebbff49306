"""create and conditional create (https://hl7.org/fhir/R4/http.html#create)."""

from django.db import transaction
from django.http import HttpResponse

from fhir import store, text
from fhir.api.http import FhirRequest, base_url, location, read_body, require_json, require_type, version_response
from fhir.matching import lock_criteria, match_one
from fhir.outcomes import refuse
from fhir.resolution import refuse_own_address
from fhir.search import Row


def create(request: FhirRequest, type: str) -> HttpResponse:
    """Save a new resource under an id of ours; with ``If-None-Exist`` only if nothing matches yet."""
    require_type(type)
    require_json(request)
    draft = store.Draft(text.parse(read_body(request)))
    if draft.type != type:
        raise refuse(
            400, "invalid", f"A {draft.type or 'resource without resourceType'} was posted to /fhir/{type}.", type
        )
    refuse_own_address(draft.document, base_url(request))
    criteria = request.headers.get("If-None-Exist")
    if criteria is None:
        return _answer(request, 201, store.save_many([draft], actor=request.auth)[0])
    with transaction.atomic():
        lock_criteria([(type, criteria, draft.resource)])
        found = match_one(type, criteria, draft.resource, actor=request.auth)
        if found is not None:
            return _answer(request, 200, found)
        return _answer(request, 201, store.save_many([draft], actor=request.auth)[0])


def _answer(request: FhirRequest, status: int, stored: store.Saved | Row) -> HttpResponse:
    return version_response(
        request,
        stored.content,
        status=status,
        version=stored.version,
        last_updated=stored.last_updated,
        location=location(request, stored.type, stored.id, stored.version),
    )
