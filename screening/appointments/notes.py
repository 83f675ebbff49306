"""What a worklist or a standing wants to know of bookings. The due date of a step is never touched."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _

from screening.appointments.offers import late_warning, service_of_episode
from screening.appointments.shapes import Service
from screening.facts import ZONE
from screening.models import Episode
from screening.models.appointments import EXPECTED, OPEN_STATUSES, Appointment


@dataclass(frozen=True, slots=True)
class Note:
    """About the newest appointment for an open step: `kind` of state, `text` for staff, `warning` if it is too late.

    `missed`: she did not come, or it was cancelled, and nothing has been made since: somebody must call her.
    """

    appointment: Appointment
    kind: str
    text: str
    warning: str
    missed: bool


def notes_for(episodes: Iterable[Episode]) -> dict[UUID, Note]:
    """By episode; those without an appointment are left out. One query, whatever the number."""
    wanted = {(one.patient_id, service_of_episode(one)): one for one in episodes if one.due_on is not None}
    found = Appointment.objects.filter(
        patient__in={patient for patient, _service in wanted},
        programme__in={service.programme for _patient, service in wanted},
    ).exclude(status="entered-in-error")
    newest: dict[UUID, Appointment] = {}
    for one in found.select_related("facility").order_by("queued_at", "pk"):
        episode = wanted.get((one.patient_id, Service(one.kind, one.programme, one.step)))
        if episode is not None and one.queued_at.astimezone(ZONE).date() >= episode.opened_on:
            held = newest.get(episode.pk)
            if held is None or held.status not in OPEN_STATUSES:
                newest[episode.pk] = one
    by_key = {episode.pk: episode for episode in wanted.values()}
    return {key: _note(one, by_key[key]) for key, one in newest.items()}


def _note(one: Appointment, episode: Episode) -> Note:
    day = f"{one.day:%d/%m/%Y}" if one.day else ""
    if one.status in EXPECTED and one.day and one.day >= timezone.localdate():
        local = one.starts_at.astimezone(ZONE) if one.starts_at else None
        text = _("Đã hẹn ngày %(day)s lúc %(time)s, %(place)s") % {
            "day": day,
            "time": f"{local:%H:%M}" if local else "",
            "place": one.facility.name,
        }
        warning = late_warning(one.day, episode.due_on)
        return Note(one, "act" if warning else "wait", text, warning, False)
    if one.status in EXPECTED:
        return Note(one, "urgent", _("Lịch hẹn ngày %(day)s chưa ghi đến hay không") % {"day": day}, "", True)
    if one.status == "waitlist":
        return Note(one, "act", _("Đang chờ chỗ tại %(place)s") % {"place": one.facility.name}, "", False)
    if one.status == "noshow":
        return Note(one, "urgent", _("Không đến hẹn ngày %(day)s: cần hẹn lại") % {"day": day}, "", True)
    if one.status == "cancelled":
        text = (
            _("Lịch hẹn ngày %(day)s đã hủy: cần hẹn lại") % {"day": day} if day else _("Đã thôi chờ chỗ: cần hẹn lại")
        )
        return Note(one, "act", text, "", True)
    return Note(one, "wait", _("Đã đến ngày %(day)s, chờ kết luận") % {"day": day}, "", False)
