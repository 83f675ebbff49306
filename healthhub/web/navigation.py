"""Which pages a role finds in the navigation.

``healthhub.web`` knows no app, so each app adds its pages where it declares their addresses (its ``urls.py``). Roles
are the texts of ``healthhub.accounts.actors.Role``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.urls import reverse

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

ROOMS: Final = {
    "citizen": "me",
    "clinician": "clinic",
    "laboratory": "clinic",
    "officer": "city",
    "analyst": "city",
}
"""The room, whose look and banners a page has, in which each role works; the others stand outside the rooms."""


@dataclass(frozen=True, slots=True)
class Page:
    """One entry: ``icon`` is a name of ``cotton/icon.html``; ``order`` sorts, lowest first.

    ``leads_to`` are pages that belong to the entry though their addresses do not lie below its own.
    """

    url_name: str
    label: "_StrPromise | str"
    icon: str
    roles: frozenset[str]
    order: int
    leads_to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Link:
    """An entry as a template shows it. ``current`` is "page" on that very page, "true" below it, else ""."""

    href: str
    label: "_StrPromise | str"
    icon: str
    current: str


_pages: dict[str, Page] = {}


def add_page(
    url_name: str,
    label: "_StrPromise | str",
    *,
    icon: str,
    roles: Iterable[str],
    order: int,
    leads_to: Iterable[str] = (),
) -> None:
    """Put a page into the navigation of these roles."""
    _pages[url_name] = Page(url_name, label, icon, frozenset(str(role) for role in roles), order, tuple(leads_to))


def links_for(role: str, *, path: str) -> list[Link]:
    """The navigation of a role, with the place of ``path`` in it: of all addresses that it lies below, the longest."""
    pages = sorted((page for page in _pages.values() if role in page.roles), key=lambda page: page.order)
    addresses = [reverse(page.url_name) for page in pages]
    entries = {address: address for address in addresses}
    for page, address in zip(pages, addresses, strict=True):
        entries |= {reverse(name): address for name in page.leads_to}
    here = entries.get(max((place for place in entries if path.startswith(place)), key=len, default=""), "")
    return [
        Link(
            href=address,
            label=page.label,
            icon=page.icon,
            current="" if address != here else "page" if address == path else "true",
        )
        for page, address in zip(pages, addresses, strict=True)
    ]
