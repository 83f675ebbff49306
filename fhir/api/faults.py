"""What goes wrong is told as an OperationOutcome too, whatever it is: no client of this API reads HTML."""

import logging
from typing import Any

from django.core.exceptions import SuspiciousOperation
from django.db import Error as DatabaseFault
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from fhir.api.http import Unauthorized, outcome_response, refusal_response
from fhir.outcomes import Issue, Refused
from fhir.refusals import log_refusal

logger = logging.getLogger(__name__)
#: PostgreSQL's codes for a transaction that gave way to another one: deadlock, serialization failure, lock timeout.
_GAVE_WAY = frozenset({"40P01", "40001", "55P03"})


def register_faults(api: NinjaAPI) -> None:
    """Give the API its answers to everything that may be raised."""
    add: Any = api.add_exception_handler  # whose handlers are typed by the exception they take
    add(Refused, _refused)
    add(AuthenticationError, _unauthorized)
    for kind in (ValidationError, HttpError, SuspiciousOperation):
        add(kind, _bad_request)
    add(DatabaseFault, _database_fault)
    add(Exception, _fault)


def _refused(request: HttpRequest, error: Refused) -> HttpResponse:
    if actor := getattr(request, "auth", None):
        log_refusal(error, actor=actor)
    return refusal_response(error)


def _unauthorized(request: HttpRequest, error: Exception) -> HttpResponse:
    return Unauthorized()


def _bad_request(request: HttpRequest, error: Exception) -> HttpResponse:
    return outcome_response(
        400, [Issue("error", "invalid", "", "The request is not one that FHIR's RESTful API knows.")]
    )


def _database_fault(request: HttpRequest, error: Exception) -> HttpResponse:
    if getattr(error.__cause__, "pgcode", None) in _GAVE_WAY:
        text = "Others wrote the same resources at this moment, so nothing was saved. Send it again."
        return outcome_response(409, [Issue("error", "conflict", "", text)])
    if isinstance(error, OperationalError | InterfaceError):
        logger.error("%s %s: the database does not answer", request.method, request.path, exc_info=error)
        answer = outcome_response(503, [Issue("error", "transient", "", "The database does not answer. Try again.")])
        answer["Retry-After"] = "5"
        return answer
    return _fault(request, error)


def _fault(request: HttpRequest, error: Exception) -> HttpResponse:
    logger.error("%s %s failed", request.method, request.path, exc_info=error)
    return outcome_response(500, [Issue("fatal", "exception", "", "The fault is ours, and is logged.")])
