"""A person's programmes for her page and for staff: next date, why, what was decided, what may be done."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from screening.citizen import here, language, written
from screening.models import Decision, DecisionKind, Invitation, InvitationState, Standing
from screening.protocol import current, programmes
from screening.recall.explain import explain_due
from screening.recall.reasons import REASONS

KINDS = {
    "screened": "good",
    "due": "act",
    "overdue": "act",
    "deferred": "wait",
    "ceased": "none",
    "unreachable": "act",
}


@dataclass(frozen=True, slots=True)
class RecallLine:
    """One programme that is for her. ``decision`` is what keeps her from being called, None if nothing does;
    ``may_undo``: the citizen herself may undo it."""

    programme: str
    name: str
    kind: str
    word: str
    due_on: date | None
    why: str
    decision: Decision | None
    may_undo: bool


def recall_lines(patient: str, on: date) -> list[RecallLine]:
    """Her programmes in the protocols' order. Two queries."""
    standings = {one.programme: one for one in Standing.objects.filter(patient_id=patient)}
    return list(_lines(standings, _in_force(patient, on)))


def _in_force(patient: str, on: date) -> dict[str, Decision]:
    found: dict[str, Decision] = {}
    for one in Decision.objects.filter(patient_id=patient, undone=False).order_by("made_on", "request_id"):
        held = found.get(one.programme)
        if one.kind == DecisionKind.DEFER and (one.until is None or one.until <= on):
            continue
        if held is None or held.kind == DecisionKind.DEFER or one.kind != DecisionKind.DEFER:
            found[one.programme] = one
    return found


def _lines(standings: dict[str, Standing], decisions: dict[str, Decision]) -> Iterable[RecallLine]:
    for programme in programmes():
        standing, decision = standings.get(programme), decisions.get(programme)
        if standing is None:
            continue
        yield RecallLine(
            programme=programme,
            name=here(current(programme).name),
            kind=KINDS[standing.status],
            word=str(standing.get_status_display()),
            due_on=standing.due_on,
            why=explain_due(standing, decision)[language()],
            decision=decision,
            may_undo=decision is not None and decision.kind != DecisionKind.CEASE,
        )


def list_line(row: Any) -> dict[str, Any]:
    """A line of the clinic's lists, of an Invitation, a Decision or a Standing."""
    line = {"patient": row.patient, "programme": here(current(row.programme).name)}
    if isinstance(row, Invitation) and row.state == InvitationState.CANCELLED:
        day = written(row.ended_on) if row.ended_on else "–"
        return line | {
            "kind": "wait",
            "word": _("Không còn thuộc diện"),
            "note": _("Từ ngày %(day)s, vì ngày sinh, giới tính, nơi ở hoặc chẩn đoán đã thay đổi.") % {"day": day},
            "undo": "",
        }
    if isinstance(row, Invitation):
        sent = written(row.sent_on) if row.sent_on else "–"
        return line | {
            "kind": "act",
            "word": _("Không phản hồi"),
            "note": ngettext(
                "Mời ngày %(sent)s, đã nhắc %(times)d lần.", "Mời ngày %(sent)s, đã nhắc %(times)d lần.", row.reminders
            )
            % {"sent": sent, "times": row.reminders},
            "undo": "",
        }
    if isinstance(row, Decision):
        words = REASONS[row.kind].get(row.reason)
        review = written(row.review_on) if row.review_on else "–"
        return line | {
            "kind": "wait",
            "word": _("Xem lại %(day)s") % {"day": review},
            "note": f"{here(words) if words else row.reason}: {row.evidence}",
            "undo": row.request_id,
        }
    return line | {
        "kind": "none",
        "word": str(row.get_status_display()),
        "note": explain_due(row)[language()],
        "undo": "",
    }
