"""What stands above every page of a room until somebody has seen it; ``healthhub.web`` knows no app, so apps add it.

A banner is loaded while the page is drawn, once, and only on whole pages of its room: fragments do not ask for it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

Load = Callable[[HttpRequest], Mapping[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Banner:
    """``load`` gives the template's data, None to show nothing; ``room`` is one of ``navigation.ROOMS``."""

    template: str
    room: str
    load: Load


@dataclass(frozen=True, slots=True)
class Shown:
    """A banner with its data: ``{% include banner.template with data=banner.data %}``."""

    template: str
    data: Mapping[str, Any]


_banners: dict[str, Banner] = {}


def add_banner(banner: Banner) -> None:
    """Add a banner; one of the same template takes the earlier one's place."""
    _banners[banner.template] = banner


def banners_for(request: HttpRequest, room: str) -> list[Shown]:
    """The banners that have something to show on this page."""
    loaded = ((one, one.load(request)) for one in _banners.values() if one.room == room)
    return [Shown(one.template, data) for one, data in loaded if data is not None]
