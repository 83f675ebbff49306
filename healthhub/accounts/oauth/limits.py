"""How often somebody may knock at the token endpoint: counted in Valkey, for all processes together."""

import base64
import binascii
from urllib.parse import unquote_plus

from allauth.account.adapter import get_adapter
from django.core.cache import cache
from django.http import HttpRequest

from healthhub.accounts.oauth.assertions import claimed_client
from healthhub.accounts.oauth.tokens import checksum

WINDOW = 300  # seconds
REQUESTS = 1_000  # of one address, in a window
FAILURES = 20  # of one client from one address, in a window


def is_too_often(request: HttpRequest) -> bool:
    """Count a request; whether this is one too many."""
    return _count(_by_address(request)) > REQUESTS or int(cache.get(_by_client(request), 0)) >= FAILURES


def note_failure(request: HttpRequest) -> None:
    """Count a client that could not prove itself."""
    _count(_by_client(request))


def _count(key: str) -> int:
    cache.add(key, 0, timeout=WINDOW)
    try:
        return int(cache.incr(key))
    except ValueError:  # it ran out in between
        return 1


def _by_address(request: HttpRequest) -> str:
    return f"oauth:asked:{get_adapter().get_client_ip(request)}"


def _by_client(request: HttpRequest) -> str:
    name = request.POST.get("client_id", "") or claimed_client(request.POST.get("client_assertion", ""))
    kind, _, sent = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "basic":
        try:
            name = unquote_plus(base64.b64decode(sent).decode().partition(":")[0])
        except (binascii.Error, UnicodeDecodeError, ValueError):
            name = ""
    place = get_adapter().get_client_ip(request)
    return f"oauth:failed:{checksum(f'{place} {name}')}"
