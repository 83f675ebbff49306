"""The address in the access log is one that nobody can make up."""

from typing import Any

import pytest
from django.test import RequestFactory

from healthhub.accounts.addresses import address_of

PROXY, CLIENT, FORGED = "10.0.0.1", "203.0.113.7", "198.51.100.1"


@pytest.mark.parametrize(
    ("proxies", "forwarded", "seen"),
    [
        (0, None, PROXY),
        (0, FORGED, PROXY),
        (1, CLIENT, CLIENT),
        (1, f"{FORGED}, {CLIENT}", CLIENT),
        (2, f"{FORGED}, {CLIENT}, 10.0.0.2", CLIENT),
        (2, CLIENT, PROXY),  # came past one of them
        (1, "unknown", PROXY),
        (1, "2001:DB8:0::7", "2001:db8::7"),
        (1, "::ffff:203.0.113.7", CLIENT),
    ],
)
def test_only_our_own_proxies_are_believed(proxies: int, forwarded: str | None, seen: str, settings: Any) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxies
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    assert address_of(RequestFactory().get("/", headers=headers, REMOTE_ADDR=PROXY)) == seen


def test_a_local_socket_has_none() -> None:
    assert address_of(RequestFactory().get("/", REMOTE_ADDR="")) == ""
