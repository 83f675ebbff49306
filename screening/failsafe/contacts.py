"""Trying to reach somebody: each try is kept, and telling her the result is a fact of her record."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from fhir.outcomes import refuse
from fhir.store import save
from healthhub.accounts.actors import Actor
from healthhub.audit.log import record_access
from screening.models import ContactAttempt, ContactOutcome, ContactWay, Episode, ScreeningResult

#: v3-ParticipationMode, for the ways that it has a code for.
MODES = {
    ContactWay.PHONE: ("PHONE", "telephone"),
    ContactWay.LETTER: ("MAILWRIT", "mail"),
    ContactWay.MESSAGE: ("SMSWRIT", "SMS message"),
    ContactWay.IN_PERSON: ("FACE", "face-to-face"),
    ContactWay.VISIT: ("FACE", "face-to-face"),
}
MODE_SYSTEM = "http://terminology.hl7.org/CodeSystem/v3-ParticipationMode"


def record_contact(
    *,
    patient_id: str,
    programme: str,
    contacted_at: datetime,
    way: str,
    outcome: str,
    actor: Actor,
    episode: Episode | None = None,
    note: str = "",
) -> ContactAttempt:
    """Keep one try. If she was told her result, a Communication about it is saved too, and so the result released.

    Refused (422) for a time in the future, or before the samples of the results that she was told; the caller has
    checked that the actor may see her.
    """
    if contacted_at > timezone.now():
        raise refuse(422, "value", "The contact cannot be in the future.", "contacted_at")
    assert actor.facility, "contact is made by a facility"
    with transaction.atomic():
        attempt = ContactAttempt.objects.create(
            patient_id=patient_id,
            programme=programme,
            episode=episode,
            step=episode.step if episode else "",
            contacted_at=contacted_at,
            way=way,
            outcome=outcome,
            note=note,
            facility_id=actor.facility,
            actor=actor.id,
            actor_name=actor.name,
        )
        if outcome == ContactOutcome.TOLD and episode:
            _tell(episode, attempt, actor)
        record_access(
            actor=actor,
            action="contact",
            patients=[patient_id],
            resource_type="Episode",
            resource_id=str(episode.pk) if episode else "",
        )
    return attempt


def contacts_of(patient_id: str) -> list[ContactAttempt]:
    """All tries to reach her, newest first."""
    found = ContactAttempt.objects.filter(patient_id=patient_id).select_related("facility")
    return list(found.order_by("-contacted_at", "-id"))


def _tell(episode: Episode, attempt: ContactAttempt, actor: Actor) -> None:
    """The Communication that says which results she was told; its words are for her record, not the clinic's note."""
    results = ScreeningResult.objects.filter(episode=episode).order_by("collected_on", "observation_id")
    day = timezone.localdate(attempt.contacted_at)
    known = list(results.values_list("observation_id", "collected_on"))
    about = [{"reference": f"Observation/{name}"} for name, collected in known if collected <= day]
    if known and not about:
        raise refuse(422, "business-rule", "Nobody can have been told on that day.", "contacted_at")
    if not about:
        return
    resource: dict[str, object] = {
        "resourceType": "Communication",
        "status": "completed",
        "category": [{"text": "Báo kết quả sàng lọc"}],
        "subject": {"reference": f"Patient/{attempt.patient_id}"},
        "about": about,
        "reasonReference": about,
        "sent": attempt.contacted_at.isoformat(timespec="seconds"),
        "recipient": [{"reference": f"Patient/{attempt.patient_id}"}],
        "sender": {"reference": f"Organization/{actor.facility}"},
    }
    if mode := MODES.get(ContactWay(attempt.way)):
        resource["medium"] = [{"coding": [{"system": MODE_SYSTEM, "code": mode[0], "display": mode[1]}]}]
    save(resource, actor=actor)
