"""A result entered at the bench: tied to its tube and order, preliminary where the protocol wants a second person."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from django.utils import timezone
from django.utils.translation import gettext as _

from fhir.store import Draft, Saved, save_many
from healthhub.accounts.actors import Actor
from records.models import Facility
from screening.laboratory.specimens import Tube
from screening.models import ScreeningResult
from screening.protocol import INADEQUATE
from screening.protocol.shapes import DOUBLE
from screening.results import build_result, known_test, withdraw_result


class Entry(NamedTuple):
    """A reading that is ready to be saved: the tube, and ``results.build_result``'s ``fields`` about the result."""

    tube: Tube
    fields: Mapping[str, Any]


def needs_second(test: str) -> bool:
    """Whether the protocol wants the result confirmed by a second person before it counts."""
    return known_test(test, timezone.localdate())[1].entry == DOUBLE


def expired_kit(tube: Tube, outcome: str, collected_on: Any) -> str:
    """Why a reading of this tube cannot stand because of its kit; "" if it can.

    A sample taken after the kit's last day is never read, neither as positive nor as negative: it may only be recorded
    as inadequate, so that the person gets another kit.
    """
    lot = tube.kit.lot if tube.kit else None
    if lot is None or outcome == INADEQUATE or collected_on <= lot.expires_on:
        return ""
    return _("Bộ kit %(kit)s lô %(lot)s hết hạn ngày %(day)s, trước ngày lấy mẫu. Hãy từ chối mẫu để lấy lại.") % {
        "kit": lot.kit,
        "lot": lot.lot,
        "day": f"{lot.expires_on:%d/%m/%Y}",
    }


def enter_readings(entries: Sequence[Entry], *, facility: Facility, actor: Actor) -> list[Saved]:
    """Save these readings in one transaction, all or none.

    Refused names the entry by its place: ``entry[3].specimen``. NotInterpretable. The caller has shown each reading.
    """
    drafts = []
    for position, entry in enumerate(entries):
        draft = Draft.of(_resource(entry, facility), facility=facility.pk if actor.is_system else None)
        draft.expression = f"entry[{position}]"
        drafts.append(draft)
    return save_many(drafts, actor=actor)


def undo_reading(*, result: ScreeningResult, actor: Actor) -> None:
    """Take back what was entered a moment ago; it stays in the history as entered in error."""
    withdraw_result(observation_id=result.observation_id, actor=actor)


def _resource(entry: Entry, facility: Facility) -> dict[str, Any]:
    assert entry.tube.person is not None
    resource = build_result(patient_id=entry.tube.person.pk, facility=facility, **entry.fields)
    if entry.tube.order is not None:
        resource["basedOn"] = [{"reference": f"ServiceRequest/{entry.tube.order.pk}"}]
    if needs_second(entry.fields["test"]):
        resource["status"] = "preliminary"
    return resource
