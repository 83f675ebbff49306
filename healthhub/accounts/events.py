"""What happens at the door: signing in, being refused, signing out. Whoever keeps the log registers here (``records``).

No Django signals: one list of plain functions, called in order, inside the request that it happened in.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from django.http import HttpRequest

from healthhub.accounts.models import User


class Action(StrEnum):
    """As the access log names them."""

    SIGN_IN = "sign-in"
    REFUSED = "sign-in-refused"
    SIGN_OUT = "sign-out"


@dataclass(frozen=True, slots=True)
class Happened:
    """``user`` is the account concerned, None if nobody knows whose it would be. A refusal proves nothing about who
    tried. ``how`` is a code: the ways of signing in ("password+mfa"), or why it was refused or ended ("locked")."""

    action: Action
    user: User | None
    how: str
    request: HttpRequest


_listeners: list[Callable[[Happened], None]] = []


def on_sign_in(fn: Callable[[Happened], None]) -> None:
    """Have ``fn`` told of everything that happens at the door."""
    if fn not in _listeners:
        _listeners.append(fn)


def tell(action: Action, request: HttpRequest, *, user: User | None, how: str) -> None:
    """Something happened."""
    for listener in _listeners:
        listener(Happened(action, user, how, request))
