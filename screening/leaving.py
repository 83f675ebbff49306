"""Nobody's record is put away while a step of hers is open: worklists show people whose records are in use."""

from collections.abc import Sequence

from fhir.hooks import Change, on_saved
from fhir.outcomes import refuse
from healthhub.accounts.actors import Actor
from screening.models import Episode, EpisodeState

_TOLD = (
    "A screening step of Patient/%s is open, and nobody would see it any more. Record its outcome or close it with a "
    "coded reason first; if this is a double, move the results to the record that stays (change their subject)."
)


@on_saved("Patient")
def check(changes: Sequence[Change], *, actor: Actor) -> None:
    """Refuse to delete or deactivate a person with an open step. One query, and none for all other writes.

    After the pathway's hook: who has died has no open step any more.
    """
    leaving = [
        one.id for one in changes if one.version > 1 and (not one.resource or one.resource.get("active") is False)
    ]
    if leaving:
        rounds = Episode.objects.filter(patient__in=leaving).exclude(state=EpisodeState.CLOSED)
        if patient := rounds.values_list("patient_id", flat=True).first():
            raise refuse(409, "business-rule", _TOLD % patient, "Patient.active")
