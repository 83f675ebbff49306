"""search (https://hl7.org/fhir/R4/http.html#search): a page of stored texts joined into a Bundle."""

from collections.abc import Sequence
from urllib.parse import parse_qsl

from django.http import HttpResponse

from fhir import reader
from fhir.api.http import FhirRequest, FhirResponse, base_url, preferences, require_json, require_type
from fhir.outcomes import refuse
from fhir.search import parse
from fhir.search import searchset as searchset_text
from healthhub.accounts.actors import Actor


def search_by_get(request: FhirRequest, type: str) -> HttpResponse:
    """Search with the parameters of the address."""
    require_type(type)
    require_json(request)
    return FhirResponse(searchset(request, type, parameters_of_url(request), actor=request.auth))


def search_by_post(request: FhirRequest, type: str) -> HttpResponse:
    """Search with parameters in the body, which keeps names and numbers of people out of the logs on the way."""
    require_type(type)
    require_json(request)
    return FhirResponse(searchset(request, type, parameters_of_body(request), actor=request.auth))


def parameters_of_url(request: FhirRequest) -> list[tuple[str, str]]:
    """Names and values, in their order."""
    return parse_qsl(request.META.get("QUERY_STRING", ""), keep_blank_values=True)


def parameters_of_body(request: FhirRequest) -> list[tuple[str, str]]:
    """Those of the address and of a posted form. Refused: 415 for anything but a form."""
    if request.content_type != "application/x-www-form-urlencoded":
        raise refuse(415, "not-supported", "Post search parameters as application/x-www-form-urlencoded.")
    sent = request.body.decode("utf-8", "replace")
    return parameters_of_url(request) + parse_qsl(sent, keep_blank_values=True)


def searchset(request: FhirRequest, type: str, pairs: Sequence[tuple[str, str]], *, actor: Actor) -> str:
    """The searchset Bundle's text; the people on the page are logged as seen in the same statement."""
    lenient = preferences(request).get("handling") == "lenient"
    query = parse(type, pairs, lenient=lenient, base_url=base_url(request))
    return searchset_text(query, reader.read_page(query, actor=actor), base_url(request))
