"""read and search of the access log; nobody writes it from outside, so it has no other interaction."""

from collections.abc import Sequence

from django.http import HttpResponse

from fhir import log
from fhir.api.http import FhirRequest, FhirResponse, base_url, preferences, require_json
from fhir.api.search import parameters_of_body, parameters_of_url
from fhir.search import parse, searchset
from healthhub.accounts.actors import Actor


def read(request: FhirRequest, id: str) -> HttpResponse:
    """One line."""
    require_json(request)
    return FhirResponse(log.read_event(id, actor=request.auth))


def search_by_get(request: FhirRequest) -> HttpResponse:
    """Search with the parameters of the address."""
    require_json(request)
    return FhirResponse(page(request, parameters_of_url(request), actor=request.auth))


def search_by_post(request: FhirRequest) -> HttpResponse:
    """Search with parameters in the body."""
    require_json(request)
    return FhirResponse(page(request, parameters_of_body(request), actor=request.auth))


def page(request: FhirRequest, pairs: Sequence[tuple[str, str]], *, actor: Actor) -> str:
    """The searchset Bundle's text."""
    lenient = preferences(request).get("handling") == "lenient"
    query = parse(log.TYPE, pairs, lenient=lenient, base_url=base_url(request))
    return searchset(query, log.search_events(query, actor=actor), base_url(request))
