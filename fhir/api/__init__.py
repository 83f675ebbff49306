"""The FHIR RESTful API (https://hl7.org/fhir/R4/http.html): one module per interaction, routes in one place.

django-ninja gives routing and sign-in; texts go through untouched, so no schema is built or serialised here.
"""

import re
from collections.abc import Callable
from functools import wraps
from inspect import Parameter, Signature
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI, Router

from fhir.access import policy
from fhir.api import audit_events, bundles, capabilities, create, delete, read, search, smart, update
from fhir.api.faults import register_faults
from fhir.api.http import FhirRequest, outcome_response
from fhir.outcomes import Issue
from healthhub.accounts.actors import Actor
from healthhub.postgresql.wall import walled

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


def authenticate(request: HttpRequest) -> Actor | None:
    """ninja's sign-in callable: whoever the access policy says is asking."""
    return policy().authenticate(request)


api = NinjaAPI(urls_namespace="fhir", auth=authenticate, docs_url=None, openapi_url=None)
register_faults(api)

_routes = Router()


def _behind_the_wall(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    @wraps(view)
    def asked(request: FhirRequest, *args: Any, **path: Any) -> HttpResponse:
        with walled(policy().asker(request.auth)):
            return view(request, *args, **path)

    return asked


def _serve(address: str, *, public: bool = False, **views: Callable[..., HttpResponse]) -> None:
    """Route an address by method. HEAD is GET without its body; who uses another method is told what there is."""
    sign_in: dict[str, Any] = {"auth": None} if public else {}
    for method, plain in views.items():
        view = plain if public else _behind_the_wall(plain)
        _routes.add_api_operation(address, ["GET", "HEAD"] if method == "GET" else [method], view, **sign_in)
    known = [*views, "HEAD"] if "GET" in views else list(views)

    def other_method(request: HttpRequest, **path: str) -> HttpResponse:
        text = f"{request.method} is not done here, only {', '.join(known)}." if known else "There is no such address."
        answer = outcome_response(405 if known else 404, [Issue("error", "not-supported", "", text)])
        if known:
            answer["Allow"] = ", ".join(known)
        return answer

    parts = [Parameter(name, Parameter.KEYWORD_ONLY, annotation=str) for name in re.findall(r":(\w+)}", address)]
    other_method.__signature__ = Signature([Parameter("request", Parameter.POSITIONAL_OR_KEYWORD), *parts])  # type: ignore[attr-defined]
    _routes.add_api_operation(address, [one for one in _METHODS if one not in known], other_method, auth=None)


_ITEM = "/{str:type}/{str:id}"
_serve("/metadata", public=True, GET=capabilities.metadata)
_serve("/.well-known/smart-configuration", public=True, GET=smart.configuration)
_serve("", POST=bundles.post_bundle)
_serve("/AuditEvent", GET=audit_events.search_by_get)
_serve("/AuditEvent/_search", POST=audit_events.search_by_post)
_serve("/AuditEvent/{str:id}", GET=audit_events.read)
_serve("/AuditEvent/{path:rest}")
_serve("/{str:type}/_search", POST=search.search_by_post)
_serve("/{str:type}", GET=search.search_by_get, POST=create.create)
_serve(_ITEM, GET=read.read, PUT=update.update, DELETE=delete.delete)
_serve(_ITEM + "/_history", GET=read.history)
_serve(_ITEM + "/_history/{str:version}", GET=read.vread)
_serve("/{path:rest}")
api.add_router("", _routes)
