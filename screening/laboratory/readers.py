"""Whoever has read an image does not read it again: the protocol's double reading is worth what its two readers are.

European guidelines for breast screening ask for two independent readers, and a third where they differ. Who read is
whom the result names beside its laboratory (``Observation.performer``), else who wrote it. So a clinic's software that
sends several doctors' readings names them; if it does not, its readings count as one reader's, and so do those of a
file by whoever sent it in.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from fhir.hooks import Change, on_saved
from fhir.models import Resource, ResourceVersion
from fhir.outcomes import refuse
from healthhub.accounts.actors import Actor
from screening.models import ScreeningResult
from screening.protocol import INADEQUATE, protocol_for, protocols
from screening.protocol.readings import read_by_several, readings_of_one_image

READER: Final = "Observation.performer"


@on_saved("Observation")
def take(changes: Sequence[Change], *, actor: Actor) -> None:
    """Refuse (403) a reading by somebody who has read the same images; HealthHub's own work is not asked.

    No statement for a batch without readings of that kind, else four.
    """
    if actor.is_system:
        return
    codes = {code.coding for protocol in protocols() for test in read_by_several(protocol) for code in test.codes}
    saved = [change.id for change in changes if change.resource is not None and codes & _codes(change.resource)]
    rows = _readings(ScreeningResult.objects.filter(pk__in=saved)) if saved else {}
    if not rows:
        return
    rounds = {row["episode_id"] for row in rows.values()}
    others = _readings(ScreeningResult.objects.filter(episode__in=rounds))
    readers = _readers([*rows, *others])
    for pk, row in rows.items():
        for other, held in others.items():
            if held["episode_id"] != row["episode_id"] or held["test"] not in row["images"] - {row["test"]}:
                continue
            if _same(readers[pk], readers[other]):
                told = (
                    "Somebody else must read these images: this reader has read them already. Software that sends "
                    "several doctors' readings names each in Observation.performer (Practitioner)."
                )
                raise refuse(403, "forbidden", told, READER)


def _codes(observation: Mapping[str, Any]) -> set[tuple[str, str]]:
    coding = (observation.get("code") or {}).get("coding") or ()
    return {(one.get("system", ""), one.get("code", "")) for one in coding}


def _readings(rows: Any) -> dict[str, dict[str, Any]]:
    """Readings of images that are read by several people, with the tests by which they are (``images``)."""
    fields = ("observation_id", "episode_id", "programme", "test", "collected_on")
    found = {}
    for row in rows.exclude(outcome=INADEQUATE).exclude(episode=None).values(*fields):
        protocol = protocol_for(row["programme"], row["collected_on"])
        if images := readings_of_one_image(protocol, row["test"]):
            found[row["observation_id"]] = row | {"images": images}
    return found


def _readers(observations: Sequence[str]) -> dict[str, tuple[set[str], set[str]]]:
    """Of each Observation whom it names as readers, and who wrote any version of it."""
    named: dict[str, set[str]] = defaultdict(set)
    wrote: dict[str, set[str]] = defaultdict(set)
    for pk, author, content in Resource.objects.filter(type="Observation", id__in=observations).values_list(
        "id", "author", "content"
    ):
        named[pk] = _named(json.loads(content))
        wrote[pk].add(author)
    earlier = ResourceVersion.objects.filter(type="Observation", id__in=observations)
    for pk, author in earlier.values_list("id", "author"):
        wrote[pk].add(author)
    return {pk: (named[pk], wrote[pk]) for pk in observations}


def _named(observation: Mapping[str, Any]) -> set[str]:
    references = {str(one.get("reference", "")) for one in observation.get("performer") or ()}
    return {one for one in references if one.startswith(("Practitioner/", "PractitionerRole/"))}


def _same(one: tuple[set[str], set[str]], other: tuple[set[str], set[str]]) -> bool:
    """By their names if both have any, else by their authors."""
    return bool(one[0] & other[0] if one[0] and other[0] else one[1] & other[1])
