"""Default deny: an address that nobody has decided about does not get in."""

from collections.abc import Iterator
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

from records.views.guards import Policy

# Doors with rules of their own: sign-in, health checks, the language switch, software's token, and FHIR, whose every
# interaction asks `settings.FHIR_ACCESS_POLICY`.
OWN_RULES = ("accounts/", "healthz", "readyz", "language/", "oauth/", r"^fhir(?:/|$)")


def test_every_view_declares_a_policy() -> None:
    undeclared = [address for address, view in _views() if not isinstance(getattr(view, "policy", None), Policy)]
    assert undeclared == []


# Nobody's data: the front door, the station's app as it is installed, the page where links in messages lead, the same
# for every token, an invitation behind its signed link, and where gateways report by a signature, which answers with
# counts.
OPEN = [
    "",
    "clinic/station/app.webmanifest",
    "clinic/station/app/",
    "clinic/station/worker.js",
    "gateways/<slug:channel>/reports",
    "invitation/",
    "invitation/<str:token>/",
    "m/<slug:token>",
    "m/<slug:token>/not-me",
]


def test_only_doors_that_show_nobodys_data_are_open_to_everybody() -> None:
    assert sorted(address for address, view in _views() if not view.policy.roles) == OPEN


def _views() -> Iterator[tuple[str, Any]]:
    for pattern in get_resolver().url_patterns:
        if str(pattern.pattern) not in OWN_RULES:
            yield from _below(pattern, "")


def _below(pattern: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    address = prefix + str(pattern.pattern)
    if isinstance(pattern, URLResolver):
        for inner in pattern.url_patterns:
            yield from _below(inner, address)
    else:
        assert isinstance(pattern, URLPattern)
        yield address, pattern.callback
