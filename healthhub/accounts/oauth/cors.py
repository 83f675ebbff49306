"""Lets apps that run in a browser on another site talk to the FHIR door and to the addresses of tokens.

No cookie opens these: whoever may call them from elsewhere has a token or a secret already, so any site may
(https://hl7.org/fhir/smart-app-launch/app-launch.html#considerations-for-cross-origin-resource-sharing-cors-support).
"""

import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

_OPEN = re.compile(r"/fhir(?:/|$)|/oauth/(?:token|revoke|introspect|keys)$")
_METHODS = "GET, HEAD, POST, PUT, DELETE"
_SENT = "Authorization, Content-Type, Accept, Prefer, If-Match, If-None-Match, If-None-Exist"
_SHOWN = "ETag, Last-Modified, Location, WWW-Authenticate, Retry-After"


class ShareWithApps:
    """Answers browsers' preliminary questions, and marks answers as readable by other sites."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """One request."""
        if "Origin" not in request.headers or not _OPEN.match(request.path):
            return self.get_response(request)
        if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
            answer: HttpResponseBase = HttpResponse(status=204)
            answer["Access-Control-Allow-Methods"] = _METHODS
            answer["Access-Control-Allow-Headers"] = _SENT
            answer["Access-Control-Max-Age"] = "600"
        else:
            answer = self.get_response(request)
            answer["Access-Control-Expose-Headers"] = _SHOWN
        answer["Access-Control-Allow-Origin"] = "*"
        return answer
