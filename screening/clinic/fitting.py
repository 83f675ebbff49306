"""Whether a result fits the person: what should make one look twice before it is saved. It warns, and never forbids.

Who a programme is for is asked by the same evidence as the nightly recall asks (``recall.evidence``), and why somebody
is not due is told in the recall's own sentence (``recall.explain``). One statement, however many people.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any, NamedTuple

from django.db import connection
from django.utils.translation import gettext as _

from records.models import Citizen
from screening.citizen import here, written
from screening.models import Decision, EpisodeState, Standing, Status
from screening.protocol import Eligibility, Protocol, protocol_for
from screening.recall.explain import explain_due
from screening.recall.known import Fact, facts_sql, stand

_KNOWN = """
WITH facts AS MATERIALIZED ({facts})
SELECT w.patient,
    (SELECT json_agg(json_build_array(f.kind, f.key, f.since, f.source))
        FROM facts f WHERE f.patient = w.patient)::text,
    e.id::text, e.state, e.step, e.opened_on, e.due_on,
    s.status, s.due_on, s.due_rule, s.due_from, s.protocol_version, s.inputs::text,
    d.kind, d.reason, d.until, d.made_on, d.review_on
FROM unnest(%(patients)s::text[], %(days)s::date[]) AS w(patient, day)
LEFT JOIN LATERAL (
    SELECT * FROM screening_episode e WHERE e.patient_id = w.patient AND e.programme = %(programme)s
    AND e.opened_on <= w.day AND e.outcome <> 'withdrawn' ORDER BY e.opened_on DESC, e.id DESC LIMIT 1
) AS e ON true
LEFT JOIN screening_standing s ON s.patient_id = w.patient AND s.programme = %(programme)s
LEFT JOIN screening_decision d ON d.request_id = s.inputs ->> 'decision'
"""


class Sample(NamedTuple):
    """Whose sample, and of which day."""

    citizen: Citizen
    collected_on: date


class _Round(NamedTuple):
    """The newest round that had begun when the sample was taken."""

    id: str
    state: str
    step: str
    opened_on: date
    due_on: date | None


def warnings(samples: Iterable[Sample], *, programme: str, test: str, correcting: bool = False) -> dict[str, list[str]]:
    """Person -> what to look at twice, in words; people whom the result fits are left out. One statement.

    ``correcting``: the result is known already, so what came of it is nothing to wonder at.
    """
    people = {sample.citizen.pk: sample for sample in samples}
    if not people:
        return {}
    found: dict[str, list[str]] = {}
    for patient, facts, *rest in _known(people, programme):
        sample = people[patient]
        protocol = protocol_for(programme, sample.collected_on)
        last = _Round(*rest[:5]) if rest[0] else None
        said = _of_eligibility(sample, protocol, json.loads(facts) if facts else [])
        if not correcting:
            said += _of_history(protocol, test, sample.collected_on, last, _standing(programme, rest[5:11]), rest[11:])
        if said:
            found[patient] = said
    return found


def _known(people: Mapping[str, Sample], programme: str) -> list[tuple[Any, ...]]:
    params: dict[str, Any] = {
        "patients": list(people),
        "days": [sample.collected_on for sample in people.values()],
        "programme": programme,
    }
    versions = [protocol_for(programme, sample.collected_on) for sample in people.values()]
    facts = facts_sql(versions, max(params["days"]), params, scope="AND r.patient = ANY(%(patients)s)")
    with connection.cursor() as cursor:
        cursor.execute(_KNOWN.format(facts=facts), params)
        return cursor.fetchall()


def _of_eligibility(sample: Sample, protocol: Protocol, facts: Iterable[tuple[str, str, str, str]]) -> list[str]:
    known = [Fact(kind, key, date.fromisoformat(day), source) for kind, key, day, source in facts]
    answer, _risks, out = stand(sample.citizen, sample.collected_on, protocol, known)
    if answer.eligible:
        return []
    if answer.reason == "excluded":
        names = {item.key: here(item.name) for item in protocol.exclusions}
        return [
            _("Không thuộc diện sàng lọc: %(why)s, ghi từ ngày %(day)s.")
            % {"why": names[one.key], "day": written(one.since)}
            for one in out
        ]
    return [_why_not(answer)]


def _why_not(answer: Eligibility) -> str:
    words = {
        "sex": _("Chương trình này không dành cho giới tính đã ghi trong hồ sơ."),
        "birth_date": _("Hồ sơ chưa có ngày sinh."),
        "residence": _("Hồ sơ chưa ghi nơi ở tại Hà Nội; chương trình dành cho người sống ở đây."),
        "risk_group": _("Hồ sơ chưa ghi nhóm nguy cơ nào của chương trình này."),
        "too_young": _("Người này %(age)s tuổi, dưới độ tuổi của chương trình."),
        "too_old": _("Người này %(age)s tuổi, trên độ tuổi của chương trình."),
    }
    return words[answer.reason] % {"age": answer.age}


def _of_history(
    protocol: Protocol, test: str, day: date, last: _Round | None, standing: Standing | None, decided: list[Any]
) -> list[str]:
    found = []
    if standing is not None and standing.status in (Status.CEASED, Status.DEFERRED) and decided[0]:
        kind, reason, until, made_on, review_on = decided
        decision = Decision(kind=kind, reason=reason, until=until, made_on=made_on, review_on=review_on)
        found.append(here(explain_due(standing, decision)))
    if last is None or last.opened_on == day:  # tests of one day count together
        return found
    if last.state != EpisodeState.CLOSED:
        step = protocol.steps.get(last.step)
        if step and not {f"result:{test}", "result:same"} & set(step.discharged_by):
            due = written(last.due_on) if last.due_on else "…"
            text = (
                _("Đang được theo dõi: %(step)s, ngày %(due)s. Kết quả này không thay thế việc đó.")
                if last.state == EpisodeState.SURVEILLANCE_DUE
                else _("Vòng sàng lọc trước còn mở: %(step)s, trước ngày %(due)s. Kết quả này không thay thế việc đó.")
            )
            found.append(text % {"step": here(step.name), "due": due})
        return found
    known = standing if standing is not None and standing.inputs.get("episode") == last.id else None
    due_on = known.due_on if known else last.due_on
    early = protocol.call.invite_days_before if protocol.call else 0
    if due_on and day < due_on - timedelta(days=early) and not found:
        found.append(
            _("Chưa đến hạn. %(why)s") % {"why": here(explain_due(known))}
            if known
            else _("Chưa đến hạn: lần sàng lọc sau là %(month)s.") % {"month": f"{due_on:%m/%Y}"}
        )
    return found


def _standing(programme: str, row: list[Any]) -> Standing | None:
    status, due_on, due_rule, due_from, version, inputs = row
    if status is None:
        return None
    return Standing(
        programme=programme,
        status=status,
        due_on=due_on,
        due_rule=due_rule,
        due_from=due_from,
        protocol_version=version,
        inputs=json.loads(inputs),
    )
