"""A NUL character in what was sent is a bad request: no text holds one, and the database refuses it."""

from collections.abc import Callable

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse


class RefuseNulMiddleware:
    """Answers 400, not 500, where a NUL got as far as the database; forms tell it at the field before that."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass on."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        """The driver has no class of its own for this error."""
        if isinstance(exception, ValueError) and "cannot contain NUL" in str(exception):
            raise BadRequest("The request holds a NUL character.") from exception
