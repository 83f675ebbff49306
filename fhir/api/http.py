"""What the interactions share of HTTP: headers in, headers out, texts as bodies."""

import re
from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.request import RawPostDataException, UnreadablePostError
from django.utils.http import http_date

from fhir import text
from fhir.definitions import declined_types, resource_types
from fhir.outcomes import Issue, Refused, operation_outcome, refuse
from healthhub.accounts.actors import Actor

FHIR_JSON = "application/fhir+json; charset=utf-8"
_JSON_TYPES = {"", "*/*", "application/*", "application/fhir+json", "application/json", "text/json", "json"}
_ETAG = re.compile(r'(?:W/)?"(\d+)"')


class FhirRequest(HttpRequest):
    """A request after sign-in."""

    auth: Actor


class FhirResponse(HttpResponse):
    """A body of FHIR JSON. It holds health data, so no shared cache may keep it."""

    def __init__(self, body: str | bytes, status: int = 200) -> None:
        super().__init__(body, status=status, content_type=FHIR_JSON)
        self["Content-Length"] = str(len(self.content))
        self["Cache-Control"] = "private, no-cache"
        self["X-Content-Type-Options"] = "nosniff"


class Unauthorized(FhirResponse):
    """401: who are you?"""

    def __init__(self) -> None:
        issue = Issue(
            "error", "login", "", "Sign in: send a bearer token from /oauth/token in the Authorization header."
        )
        super().__init__(text.serialise(operation_outcome([issue])), 401)
        self["WWW-Authenticate"] = 'Bearer realm="HealthHub"'


def outcome_response(status: int, issues: Sequence[Issue]) -> FhirResponse:
    """An OperationOutcome."""
    return FhirResponse(text.serialise(operation_outcome(issues)), status)


def refusal_response(error: Refused) -> FhirResponse:
    """The answer to a refused request."""
    answer = outcome_response(error.status, error.issues)
    if wanted := sorted({issue.scope for issue in error.issues if issue.scope}):  # RFC 6750, section 3
        answer["WWW-Authenticate"] = f'Bearer realm="HealthHub", error="insufficient_scope", scope="{" ".join(wanted)}"'
    return answer


def version_response(
    request: HttpRequest, content: str, *, status: int, version: int, last_updated: datetime, location: str = ""
) -> HttpResponse:
    """A resource, its version as ETag, and whatever ``Prefer: return`` wants as the body of a write."""
    wish = "representation" if request.method in ("GET", "HEAD") else preferences(request).get("return")
    if wish == "minimal":
        response: HttpResponse = FhirResponse(b"", status)
    elif wish == "OperationOutcome":
        response = outcome_response(status, [Issue("information", "informational", "", f"Saved as version {version}.")])
    else:
        response = FhirResponse(content, status)
    response["ETag"] = f'W/"{version}"'
    response["Last-Modified"] = http_date(last_updated.timestamp())
    if location:
        response["Location"] = location
    return response


def base_url(request: HttpRequest) -> str:
    """The server's FHIR base as the client addressed it, without a slash at the end."""
    return request.build_absolute_uri("/fhir")


def location(request: HttpRequest, type: str, id: str, version: int) -> str:
    """Where a version can be read."""
    return f"{base_url(request)}/{type}/{id}/_history/{version}"


def preferences(request: HttpRequest) -> dict[str, str]:
    """The ``Prefer`` header: ``return=minimal; handling=lenient`` and the like."""
    pairs = (part.split("=", 1) for part in re.split(r"[;,]", request.headers.get("Prefer", "")) if "=" in part)
    return {name.strip().lower(): value.strip().strip('"') for name, value in pairs}


def require_type(name: str) -> None:
    """Refused with 404 if this server keeps no such resources."""
    if name in resource_types():
        return
    if name in declined_types():
        raise refuse(
            404, "not-supported", f"{name} resources are not kept here: they cannot be checked (see /fhir/metadata)."
        )
    raise refuse(404, "not-supported", f"{name} is not a resource type of FHIR R4 (4.0.1).")


def require_json(request: HttpRequest) -> None:
    """Refused with 406 if the client wants an answer in another format than JSON."""
    asked = request.META.get("QUERY_STRING", "")
    wanted = ("_format" in asked and request.GET.get("_format")) or request.META.get("HTTP_ACCEPT", "")
    # a plus sign that was not percent-encoded arrives as a space
    offers = {part.split(";")[0].strip().lower().replace(" ", "+") for part in wanted.split(",")}
    if not offers & _JSON_TYPES:
        raise refuse(406, "not-supported", "This server answers in application/fhir+json only.")


def read_body(request: HttpRequest) -> bytes:
    """The posted bytes. Refused: 415 if they are not said to be JSON, 413 if there are too many, 400 if cut off."""
    kind = request.headers.get("Content-Type", "").split(";")[0].strip().lower()
    if kind not in _JSON_TYPES:
        raise refuse(415, "not-supported", f"Send application/fhir+json, not {kind}.")
    if int(request.headers.get("Content-Length") or 0) > settings.FHIR_MAX_BODY_BYTES:
        raise refuse(413, "too-long", f"Send at most {settings.FHIR_MAX_BODY_BYTES // 2**20} MiB in one request.")
    try:
        return request.body
    except (RawPostDataException, UnreadablePostError) as error:
        raise refuse(400, "incomplete", "The body did not arrive whole.") from error


def has_it_already(request: HttpRequest, version: int) -> bool:
    """Whether one of the ETags in ``If-None-Match`` is this version's."""
    asked = request.headers.get("If-None-Match")
    return asked is not None and (asked.strip() == "*" or str(version) in _ETAG.findall(asked))


def etag_version(value: object, header: str) -> int | None:
    """The version that ``If-Match`` names; None without one. Refused: 400 if it is no ETag of ours."""
    if value is None:
        return None
    found = _ETAG.fullmatch(value.strip()) if isinstance(value, str) else None
    if not found:
        raise refuse(400, "value", f'{header} must be an ETag of this server such as W/"3", not {value!r}.')
    return int(found[1])
