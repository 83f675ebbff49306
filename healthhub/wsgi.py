"""The WSGI application.

Pages and the FHIR API share one process. The API's clients are machines with a bearer token: sessions, cookies and
languages mean nothing to them, so their requests pass no middleware at all.
"""

import os
from collections.abc import Callable, Iterable
from typing import Any

import django
from django.core.handlers.exception import convert_exception_to_response
from django.core.handlers.wsgi import WSGIHandler

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "healthhub.settings")
django.setup(set_prefix=False)


class ApiHandler(WSGIHandler):
    """Django's handler without middleware: URL, view, answer."""

    def load_middleware(self, is_async: bool = False) -> None:
        """Build the empty chain."""
        self._view_middleware = []
        self._template_response_middleware = []
        self._exception_middleware = []
        self._middleware_chain = convert_exception_to_response(self._get_response)


_pages = WSGIHandler()
_pages.load_middleware()
_api = ApiHandler()
_api.load_middleware()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Hand the request to the API or to the pages."""
    path = environ.get("PATH_INFO", "")
    handler = _api if path == "/fhir" or path.startswith("/fhir/") else _pages
    return handler(environ, start_response)
