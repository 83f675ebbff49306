"""What happened in a person's screening, day by day, each with who said so and where it is written."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from healthhub.accounts.models import User
from screening.citizen import here, written
from screening.correcting import own_steps, reasons_of
from screening.models import ContactAttempt, EpisodeEvent, EventKind
from screening.protocol import programmes, protocol_for
from screening.protocol.events import ASSESSED
from screening.protocol.shapes import Text

_SOURCES: Final = {
    "Observation": gettext_lazy("kết quả"),
    "ServiceRequest": gettext_lazy("giấy giới thiệu"),
    "Procedure": gettext_lazy("phiếu thủ thuật"),
    "DiagnosticReport": gettext_lazy("phiếu trả lời"),
    "Communication": gettext_lazy("ghi nhận liên lạc"),
    "Patient": gettext_lazy("hồ sơ người dân"),
    "staff": gettext_lazy("quyết định của nhân viên"),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """``by`` is the author's name, ``source`` what says so, with its version; ``undone``: taken back or replaced.

    ``reason`` is why it was put right or taken back. ``own``: the reader's facility may put it right, by its
    ``source_type`` and ``source_id``.
    """

    day: date
    programme: str
    episode: UUID | None
    fact: str
    title: str
    text: str
    by: str
    source: str
    undone: bool
    reason: str = ""
    source_type: str = ""
    source_id: str = ""
    own: bool = False


def history_of(patient_id: str, contacts: Iterable[ContactAttempt] = (), *, facility: str | None = None) -> list[Entry]:
    """Everything, newest first; at most five statements. ``contacts`` are hers, if they should stand among the rest;
    ``facility`` is the reader's, if steps are offered for correction."""
    events = list(EpisodeEvent.objects.filter(patient_id=patient_id).order_by("source_version", "recorded_at"))
    last: dict[tuple[str, str, str], EpisodeEvent] = {}
    for event in events:
        last[event.source_type, event.source_id, event.programme] = event
    names = names_of(events)
    steps = {(event.source_type, event.source_id) for event in events if event.fact == ASSESSED}
    own = own_steps(patient_id, facility) & steps if facility and steps else set()
    again = {
        (event.source_type, event.source_id)
        for event in events
        if event.fact == ASSESSED and event.kind in (EventKind.CORRECTED, EventKind.WITHDRAWN)
    }
    reasons = reasons_of(again)
    entries = [
        _entry(
            event,
            names,
            undone=last[event.source_type, event.source_id, event.programme] is not event,
            reason=reasons.get((event.source_type, event.source_id, event.source_version)),
            own=(event.source_type, event.source_id) in own,
        )
        for event in events
    ]
    known = set(programmes())
    entries += [
        Entry(
            day=timezone.localdate(contact.contacted_at),
            programme=contact.programme if contact.programme in known else "",
            episode=contact.episode_id,
            fact="contact",
            title=_("Liên lạc: %(outcome)s") % {"outcome": contact.get_outcome_display()},
            text=contact.note,
            by=contact.actor_name,
            source=str(contact.get_way_display()),
            undone=False,
        )
        for contact in contacts
    ]
    return sorted(entries, key=lambda entry: entry.day, reverse=True)


def title_of(event: EpisodeEvent) -> tuple[str, str]:
    """(what, more about it) of an event, in words."""
    protocol = protocol_for(event.programme, event.occurred_on) if event.programme else None
    data: Mapping[str, Any] = event.data
    if event.fact == "died":
        return _("Đã mất"), ""
    if event.fact == "contacted":
        return _("Đã báo kết quả cho người dân"), ""
    if protocol is None:
        return event.get_kind_display(), ""
    if event.fact == "result":
        test, category = protocol.tests.get(data["test"]), protocol.category(data["test"], data["category"])
        return (
            here(test.name) if test else data["test"],
            here(category.label) if category else _("chưa đọc được"),
        )
    if event.fact == "handed":
        step = protocol.steps.get(data.get("step", ""))
        return _("Chuyển cơ sở phụ trách: %(step)s") % {"step": here(step.name) if step else ""}, data.get("note", "")
    assessment = protocol.assessments.get(data.get("assessment", ""))
    name = here(assessment.name) if assessment else ""
    if event.fact == "referred":
        due = date.fromisoformat(data["due_on"]) if data.get("due_on") else None
        return (
            _("Giới thiệu: %(step)s") % {"step": name},
            _("đến trước ngày %(day)s") % {"day": written(due)} if due else "",
        )
    if event.fact == "assessed":
        finding = assessment.findings.get(data.get("finding", "")) if assessment else None
        tnm = data.get("tnm") or {}
        said = [here(finding.label) if finding else "", *(tnm.get(part, "") for part in ("t", "n", "m"))]
        return _("Đã làm: %(step)s") % {"step": name}, " ".join(filter(None, said))
    reason = protocol.reasons.get(data.get("reason", ""))
    note = data.get("note", "")
    return _("Khép lại bước đang chờ"), " · ".join(
        part for part in (here(reason.label) if reason else "", note) if part
    )


def _entry(
    event: EpisodeEvent, names: Mapping[str, str], *, undone: bool, reason: tuple[Text, str] | None, own: bool
) -> Entry:
    title, text = title_of(event)
    if event.kind == "withdrawn":
        title = _("Rút lại: %(what)s") % {"what": title}
    elif event.kind == "corrected":
        title = _("Sửa: %(what)s") % {"what": title}
    source = str(_SOURCES.get(event.source_type, event.source_type))
    return Entry(
        day=event.occurred_on,
        programme=event.programme,
        episode=event.episode_id,
        fact=event.fact,
        title=title,
        text=text,
        by=names.get(event.actor, event.actor),
        source=f"{source}, {_('bản')} {event.source_version}" if event.source_version > 1 else source,
        undone=undone,
        reason=": ".join(filter(None, (here(reason[0]), reason[1]))) if reason else "",
        source_type=event.source_type,
        source_id=event.source_id,
        own=own and event.fact == ASSESSED and not undone and event.kind != EventKind.WITHDRAWN,
    )


def names_of(events: Sequence[EpisodeEvent]) -> dict[str, str]:
    """The names of the authors, in one statement; software and HealthHub itself are named as what they are."""
    ids = {event.actor.removeprefix("user:") for event in events if event.actor.startswith("user:")}
    users = User.objects.filter(pk__in=[int(pk) for pk in ids if pk.isdigit()])
    names = {f"user:{user.pk}": user.get_full_name() for user in users}
    for event in events:
        if event.actor.startswith("client:"):
            names[event.actor] = _("phần mềm của cơ sở")
        elif event.actor not in names:
            names[event.actor] = _("HealthHub (tự động)") if not event.actor.startswith("user:") else _("nhân viên")
    return names
