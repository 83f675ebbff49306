"""The bar shows a few pages; the others unfold. Nothing is lost, and the page one is on is marked in either."""

from types import SimpleNamespace
from typing import Any

import pytest
from django.urls import resolve

from healthhub.accounts.actors import Actor, Role
from healthhub.web import navigation
from healthhub.web.context import site


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """An empty navigation, whose addresses are the pages' names."""
    monkeypatch.setattr(navigation, "_pages", {})
    monkeypatch.setattr(navigation, "reverse", lambda name: f"/clinic/{name}/")
    return navigation._pages


def shown(role: Role, number: int, *, path: str = "/") -> tuple[list[str], list[str]]:
    for order in range(number):
        navigation.add_page(f"p{order}", f"P{order}", icon="list", roles=[role], order=order)
    context = site(SimpleNamespace(actor=Actor("user:1", "An", role), path=path))  # type: ignore[arg-type]
    return tuple(  # type: ignore[return-value]
        [f"{link.label}{'*' if link.current else ''}" for link in context[name]]
        for name in ("navigation", "navigation_more")
    )


@pytest.mark.parametrize(
    ("role", "number", "bar", "more"),
    [
        (Role.CLINICIAN, 6, 6, 0),
        (Role.CLINICIAN, 7, 5, 2),
        (Role.CITIZEN, 5, 5, 0),
        (Role.CITIZEN, 6, 4, 2),
    ],
)
def test_pages_beyond_the_bar_unfold(pages: Any, role: Role, number: int, bar: int, more: int) -> None:
    assert [len(part) for part in shown(role, number)] == [bar, more]


def test_the_page_one_is_on_is_marked_wherever_it_is(pages: Any) -> None:
    bar, more = shown(Role.CLINICIAN, 8, path="/clinic/p6/of/somebody/")
    assert (bar, more) == (["P0", "P1", "P2", "P3", "P4"], ["P5", "P6*", "P7"])


@pytest.mark.parametrize(
    ("role", "path", "entry"),
    [
        (Role.LABORATORY, "/clinic/machines/", "/clinic/imports/"),
        (Role.LABORATORY, "/clinic/machines/7/", "/clinic/imports/"),
        (Role.LABORATORY, "/clinic/labels/", "/clinic/bench/"),
        (Role.CLINICIAN, "/clinic/messages/", "/clinic/letters/"),
        (Role.CLINICIAN, "/clinic/closed/", "/clinic/"),
        (Role.OFFICER, "/city/forgotten/", "/city/failsafe/"),
        (Role.OFFICER, "/city/failsafe/batches/3/", "/city/failsafe/"),
        (Role.OFFICER, "/city/", "/city/"),
    ],
)
def test_each_page_lies_below_the_entry_that_leads_to_it(role: Role, path: str, entry: str) -> None:
    assert resolve(path)  # there is such a page
    assert [link.href for link in navigation.links_for(role, path=path) if link.current] == [entry]
