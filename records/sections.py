"""What higher apps add to a citizen's home page: ``records`` may not import them, so they register here.

A section loads what it shows for one person and names the template that shows it.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from healthhub.accounts.actors import Actor

Load = Callable[[str, Actor], Mapping[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Section:
    """``load(patient, actor)`` gives the template's context, None to show nothing; ``order`` sorts, lowest first.

    ``codes`` gives the main codes (``system|code``) of resources that the section shows, so that the rest of the record
    does not show them again.
    """

    template: str
    load: Load
    order: int
    codes: Callable[[], Collection[str]]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A section ready to be shown: ``{% include section.template with data=section.data %}``."""

    template: str
    data: Mapping[str, Any]


_sections: dict[str, Section] = {}


def register_section(section: Section) -> None:
    """Add a section; one of the same template takes the earlier one's place."""
    _sections[section.template] = section


def load_sections(patient: str, *, actor: Actor) -> list[Loaded]:
    """The sections that have something to show for this person, in order."""
    ordered = sorted(_sections.values(), key=lambda section: section.order)
    loaded = ((section, section.load(patient, actor)) for section in ordered)
    return [Loaded(section.template, data) for section, data in loaded if data is not None]


def codes_shown() -> set[str]:
    """Main codes that the sections show."""
    return {code for section in _sections.values() for code in section.codes()}
