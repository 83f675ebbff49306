"""The network address that a request came from, for the access log."""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from django.conf import settings
from django.http import HttpRequest


def address_of(request: HttpRequest) -> str:
    """The client's address; "" where there is none, as on a local socket.

    A client can write anything into ``X-Forwarded-For``, so it counts only as far as proxies of ours have added to it:
    their number is a setting, the same that limits on sign-in go by.
    """
    proxies = settings.ALLAUTH_TRUSTED_PROXY_COUNT
    if proxies:
        hops = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
        if len(hops) >= proxies and (told := _written(hops[-proxies].strip())):
            return told
    return _written(request.META.get("REMOTE_ADDR", ""))


@lru_cache(maxsize=4096)
def _written(text: str) -> str:
    """An address in one way of writing; "" for anything else."""
    try:
        address = ip_address(text)
    except ValueError:
        return ""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)
