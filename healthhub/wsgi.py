"""The WSGI application.

Pages and the FHIR API share one process. The API's clients are machines with a bearer token: sessions, cookies and
languages mean nothing to them, so their requests pass no middleware at all.
"""

import gc
import os
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any

import django
from django.conf import settings
from django.core.handlers.exception import convert_exception_to_response
from django.core.handlers.wsgi import WSGIHandler

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "healthhub.settings")
django.setup(set_prefix=False)


class ApiHandler(WSGIHandler):
    """Django's handler without middleware: URL, view, answer."""

    def load_middleware(self, is_async: bool = False) -> None:
        """Build the empty chain."""
        self._view_middleware: list[Any] = []
        self._template_response_middleware: list[Any] = []
        self._exception_middleware: list[Any] = []
        self._middleware_chain = convert_exception_to_response(self._get_response)  # type: ignore[attr-defined]


_pages = WSGIHandler()
_pages.load_middleware()
_api = ApiHandler()
_api.load_middleware()

# What is loaded by now lives as long as the process; the garbage collector need not go through it again and again.
gc.collect()
gc.freeze()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Hand the request to the API or to the pages."""
    path = environ.get("PATH_INFO", "")
    if path != "/fhir" and not path.startswith("/fhir/"):
        return _pages(environ, start_response)
    if "HTTP_TRANSFER_ENCODING" in environ and not environ.get("CONTENT_LENGTH"):
        _measure(environ)
    return _api(environ, start_response)


def _measure(environ: dict[str, Any]) -> None:
    """Give a body that comes in chunks its length: without one, Django takes it for empty."""
    body = environ["wsgi.input"].read(settings.FHIR_MAX_BODY_BYTES + 1)  # one too many is told as too many
    environ["CONTENT_LENGTH"] = str(len(body))
    environ["wsgi.input"] = BytesIO(body)
