"""The FHIR RESTful API (https://hl7.org/fhir/R4/http.html): one module per interaction, routes in one place.

django-ninja gives routing and sign-in; texts go through untouched, so no schema is built or serialised here.
"""

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI, Router
from ninja.errors import AuthenticationError, HttpError, ValidationError

from fhir.access import policy
from fhir.api import bundles, capabilities, create, delete, read, search, update
from fhir.api.http import Unauthorized, outcome_response, refusal_response
from fhir.outcomes import Issue, Refused
from healthhub.accounts.actors import Actor


def authenticate(request: HttpRequest) -> Actor | None:
    """ninja's sign-in callable: whoever the access policy says is asking."""
    return policy().authenticate(request)


api = NinjaAPI(urls_namespace="fhir", auth=authenticate, docs_url=None, openapi_url=None)

_routes = Router()
_TYPE = "/{str:type}"
_ITEM = "/{str:type}/{str:id}"
_routes.add_api_operation("/metadata", ["GET"], capabilities.metadata, auth=None)
_routes.add_api_operation("", ["POST"], bundles.post_bundle)
_routes.add_api_operation(_TYPE + "/_search", ["POST"], search.search_by_post)
_routes.add_api_operation(_TYPE, ["GET"], search.search_by_get)
_routes.add_api_operation(_TYPE, ["POST"], create.create)
_routes.add_api_operation(_ITEM, ["GET"], read.read)
_routes.add_api_operation(_ITEM, ["PUT"], update.update)
_routes.add_api_operation(_ITEM, ["DELETE"], delete.delete)
_routes.add_api_operation(_ITEM + "/_history", ["GET"], read.history)
_routes.add_api_operation(_ITEM + "/_history/{str:version}", ["GET"], read.vread)
api.add_router("", _routes)


@api.exception_handler(Refused)
def _refused(request: HttpRequest, error: Refused) -> HttpResponse:
    return refusal_response(error)


@api.exception_handler(AuthenticationError)
def _unauthorized(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    return Unauthorized()


@api.exception_handler(ValidationError)
@api.exception_handler(HttpError)
def _bad_request(request: HttpRequest, error: Any) -> HttpResponse:
    return outcome_response(
        400, [Issue("error", "invalid", "", "The request is not one that FHIR's RESTful API knows.")]
    )
