"""The second entry over FHIR: where the protocol wants two, only a person makes it, and never of her own first entry.

The pages keep the same rule by themselves (see ``verifying``), and settle there what differs. Over FHIR a person acts
through an app. Software for which nobody answers by name may stand for whoever made the first entry. A result that was
final from its first version on is its laboratory's word, like an analyser's: no first entry waits to be compared.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fhir.hooks import Change, on_saved
from fhir.models import ResourceVersion
from fhir.outcomes import refuse
from healthhub.accounts.actors import Actor, Role
from screening.facts import PRELIMINARY, collected_on, read_fact, read_value
from screening.protocol.shapes import DOUBLE

FINAL = ("final", "amended", "corrected")
#: What two entries must say alike, of ScreeningResult's columns.
_COMPARED = ("test", "category", "value", "comparator", "unit", "kit", "cutoff", "collected_on", "specimen_id")


@on_saved("Observation")
def take(changes: Sequence[Change], *, actor: Actor) -> None:
    """Refuse what makes a first entry final: 403 to software and to whoever wrote any of it, 409 if it says something
    else.

    No statement for a batch without such changes, else two.
    """
    machine = actor.role is Role.CLIENT
    made_final = [change for change in changes if _makes_final(change)] if machine or actor.client else []
    if not made_final:
        return
    versions = ResourceVersion.objects.filter(type="Observation", id__in=[change.id for change in made_final])
    entered = set(versions.filter(content__contains=f'"{PRELIMINARY}"').values_list("id", flat=True))
    own = set(versions.filter(author=actor.id).values_list("id", flat=True))
    for change in made_final:
        if change.id in entered and machine:
            told = "Only a person can confirm an entry: on a page, or by an app that acts for her."
            raise refuse(403, "forbidden", told, "Observation.status")
        if change.id in entered & own:
            told = "Whoever entered a result cannot confirm it: somebody else must."
            raise refuse(403, "forbidden", told, "Observation.status")
        if change.id in entered and (differing := ", ".join(_differences(change))):
            told = (
                f"The second entry differs from the first ({differing}), so the result stays preliminary. Look at the "
                "tube and the paper again; what the first entry has wrong is settled on the page of results to verify."
            )
            raise refuse(409, "conflict", told, "Observation.value")


def _makes_final(change: Change) -> bool:
    """Whether a result of double entry becomes final that was not."""
    resource, previous = change.resource, change.previous
    if resource is None or previous is None or resource.get("status") not in FINAL or previous.get("status") in FINAL:
        return False
    return any(_twice(one) for one in (resource, previous))


def _twice(observation: Mapping[str, Any]) -> bool:
    """Whether the protocol wants this test entered twice."""
    day = collected_on(observation)
    reading = read_value(observation, day) if day else None
    return reading is not None and reading.test.entry == DOUBLE


def _differences(change: Change) -> Iterator[str]:
    facts = [read_fact(one or {}, facility=change.facility) for one in (change.previous, change.resource)]
    first, second = ((fact.result if fact else None) or {} for fact in facts)
    return (name for name in _COMPARED if first.get(name) != second.get(name))
