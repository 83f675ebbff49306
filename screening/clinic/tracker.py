"""An open round as done, now and next: what happened, what it waits for and why by that day, what may follow."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from screening.citizen import here, written
from screening.clinic.history import Entry
from screening.clinic.steps import step_name
from screening.models import Episode
from screening.protocol import Protocol, protocol_for
from screening.protocol.shapes import Span

DONE_SHOWN = 4


@dataclass(frozen=True, slots=True)
class Stop:
    """One station of the tracker, as ``<c-tracker>`` takes it."""

    state: str
    title: str
    when: str
    text: str


def tracker(episode: Episode, history: Sequence[Entry]) -> list[Stop]:
    """The stations of an open round; ``history`` is the person's (``history_of``)."""
    protocol = protocol_for(episode.programme, episode.opened_on)
    done = [
        Stop("done", entry.title, written(entry.day), entry.text)
        for entry in reversed(history)
        if entry.episode == episode.pk and not entry.undone and entry.fact != "contact"
    ]
    now = Stop("now", here(step_name(episode)), _until(episode), due_reason(episode))
    others = [
        Stop("now", here(protocol.steps[need["step"]].name), _by(date.fromisoformat(need["due_on"])), "")
        for need in (episode.needs or [])[1:]
        if need["step"] in protocol.steps
    ]
    following = _following(protocol, episode.step)
    next_stops = [Stop("next", _("Tùy kết quả"), "", ", ".join(following))] if following else []
    return [*done[-DONE_SHOWN:], now, *others, *next_stops]


def due_reason(episode: Episode) -> str:
    """Why the open step is due on its day: from which day, by how much, by which version of the protocol."""
    protocol = protocol_for(episode.programme, episode.opened_on)
    step = protocol.steps.get(episode.step)
    if step is None or episode.due_from is None or episode.due_on is None:
        return ""
    values = {"due": written(episode.due_on), "start": written(episode.due_from), "version": episode.protocol_version}
    if episode.due_rule.startswith("referral:"):
        return _("Hạn %(due)s vì đã hẹn như vậy. Quy trình %(version)s.") % values
    return _("Hạn %(due)s vì %(span)s từ ngày %(start)s. Quy trình %(version)s.") % {
        **values,
        "span": span_words(step.within),
    }


def span_words(span: Span) -> str:
    """A span in words: "60 ngày", "36 tháng"."""
    parts = []
    if span.months:
        parts.append(ngettext("%(n)d tháng", "%(n)d tháng", span.months) % {"n": span.months})
    if span.days or not span.months:
        parts.append(ngettext("%(n)d ngày", "%(n)d ngày", span.days) % {"n": span.days})
    return " ".join(parts)


def following_steps(protocol: Protocol, assessment: str) -> list[tuple[str, str]]:
    """(finding, what follows it) of an assessment, in words."""
    found = protocol.assessments.get(assessment)
    if found is None:
        return []
    said = []
    for finding in found.findings.values():
        if finding.leads_to and finding.leads_to in protocol.steps:
            step = protocol.steps[finding.leads_to]
            then = _("%(step)s trong %(span)s") % {"step": here(step.name), "span": span_words(step.within)}
        elif not finding.discharges:
            then = _("bước này vẫn mở")
        elif finding.next_months:
            then = _("sàng lọc lại sau %(span)s") % {"span": span_words(Span(months=finding.next_months))}
        else:
            then = _("kết thúc, không hẹn lại")
        said.append((here(finding.label), then))
    return said


def _following(protocol: Protocol, step: str) -> list[str]:
    rule = protocol.steps.get(step)
    if rule is None:
        return []
    names = []
    if rule.assessment:
        for finding in protocol.assessments[rule.assessment].findings.values():
            if finding.leads_to and finding.leads_to in protocol.steps:
                names.append(here(protocol.steps[finding.leads_to].name))
            elif finding.next_months:
                names.append(_("sàng lọc lại"))
    elif rule.positive_leads_to and rule.positive_leads_to in protocol.steps:
        names = [here(protocol.steps[rule.positive_leads_to].name), _("sàng lọc lại")]
    return list(dict.fromkeys(names))


def _until(episode: Episode) -> str:
    return _by(episode.due_on) if episode.due_on else ""


def _by(day: date) -> str:
    return _("trước ngày %(day)s") % {"day": written(day)}
