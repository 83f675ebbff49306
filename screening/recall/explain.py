"""Why somebody is due on a day, in a sentence that names the protocol: for staff and for herself."""

from datetime import date

from screening.models import Decision, DecisionKind, Standing, Status
from screening.protocol import Protocol, protocol_for, protocols
from screening.protocol.shapes import RiskGroup, Text
from screening.recall.reasons import REASONS
from screening.recall.rules import rule_months

VI, EN = "vi", "en"


def explain_due(standing: Standing, decision: Decision | None = None) -> dict[str, str]:
    """A sentence by language: the date, what it is counted from, by how much, and the protocol's version.

    ``decision`` is the one that ``inputs`` names, if the caller has it at hand; otherwise it is looked up.
    """
    protocol = _version(standing)
    if standing.status in (Status.CEASED, Status.DEFERRED) and (named := standing.inputs.get("decision")):
        decision = decision or Decision.objects.filter(pk=named).first()
        if decision is not None:
            return _decided(standing, decision)
    kind, _, name = standing.due_rule.partition(":")
    if standing.due_on is None:
        return _without_date(standing, protocol)
    due = {VI: f"Đến hạn {_month(standing.due_on)}", EN: f"Due {_month(standing.due_on)}"}
    why = _why(standing, protocol, kind, name)
    version = {VI: f"theo quy trình {standing.protocol_version}", EN: f"by protocol {standing.protocol_version}"}
    return {
        VI: f"{due[VI]} vì {why[VI]}, {version[VI]}.",
        EN: f"{due[EN]} because {why[EN]}, {version[EN]}.",
    }


def _why(standing: Standing, protocol: Protocol, kind: str, name: str) -> Text:
    since = standing.due_from
    day = _day(since) if since else "…"
    risk = _risk(standing, protocol)
    if kind == "age":
        started = since is not None and since == _began(standing.programme)
        if started:
            return {
                VI: f"chương trình bắt đầu ngày {day} và chưa từng sàng lọc{risk[VI]}",
                EN: f"the programme began on {day} and there has been no screening yet{risk[EN]}",
            }
        return {
            VI: f"đủ {name} tuổi từ ngày {day} và chưa từng sàng lọc{risk[VI]}",
            EN: f"the age of {name} was reached on {day} and there has been no screening yet{risk[EN]}",
        }
    if kind == "risk":
        group = _group(protocol, name)
        named = {VI: _lower(group.name[VI]), EN: _lower(group.name[EN])} if group else {VI: name, EN: name}
        return {
            VI: f"thuộc nhóm nguy cơ ({named[VI]}) từ ngày {day} và chưa từng sàng lọc",
            EN: f"the risk ({named[EN]}) has been known since {day} and there has been no screening yet",
        }
    if kind == "deferral":
        return {VI: f"đã hoãn đến ngày {day}", EN: f"it was put off until {day}"}
    if kind == "step" and standing.inputs.get("step"):
        step = protocol.steps.get(name)
        return {
            VI: f"cần {_lower(step.name[VI]) if step else name} sau lần khám ngày {day}",
            EN: f"{_lower(step.name[EN]) if step else name} is needed after the examination on {day}",
        }
    months = rule_months(protocol).get(standing.due_rule)
    after = {VI: f" + {months} tháng" if months else "", EN: f" + {months} months" if months else ""}
    said = _said(protocol, kind, name)
    return {
        VI: f"{said[VI]} ngày {day}{after[VI]}{risk[VI]}",
        EN: f"{said[EN]} on {day}{after[EN]}{risk[EN]}",
    }


def _said(protocol: Protocol, kind: str, name: str) -> Text:
    first, _, second = name.partition(".")
    if kind == "category" and (test := protocol.tests.get(first)) and (category := test.categories.get(second)):
        return {
            VI: f"{test.name[VI]}: {_lower(category.label[VI])}",
            EN: f"{test.name[EN]}: {_lower(category.label[EN])}",
        }
    if kind == "finding" and (assessment := protocol.assessments.get(first)):
        finding = assessment.findings.get(second)
        label = finding.label if finding else {VI: second, EN: second}
        return {
            VI: f"{assessment.name[VI]}: {_lower(label[VI])}",
            EN: f"{assessment.name[EN]}: {_lower(label[EN])}",
        }
    if kind == "reason" and (reason := protocol.reasons.get(name)):
        return {
            VI: f"vòng trước khép lại ({_lower(reason.label[VI])})",
            EN: f"the last round was closed ({_lower(reason.label[EN])})",
        }
    if kind == "step" and (step := protocol.steps.get(name)):
        return {VI: f"đã xong: {_lower(step.name[VI])}", EN: f"done: {_lower(step.name[EN])}"}
    return {VI: "vòng sàng lọc trước", EN: "the last screening round"}


def _without_date(standing: Standing, protocol: Protocol) -> dict[str, str]:
    version = standing.protocol_version
    if standing.status == Status.SCREENED:
        step = protocol.steps.get(standing.inputs.get("step", ""))
        name = step.name if step else {VI: "bước tiếp theo", EN: "the next step"}
        return {
            VI: f"Đang trong một vòng sàng lọc: chờ {_lower(name[VI])}, theo quy trình {version}.",
            EN: f"In an open round: waiting for {_lower(name[EN])}, by protocol {version}.",
        }
    kind, _, name_ = standing.due_rule.partition(":")
    said = _said(protocol, kind, name_)
    return {
        VI: f"Không mời lại: {said[VI]}, theo quy trình {version}.",
        EN: f"Not called again: {said[EN]}, by protocol {version}.",
    }


def _decided(standing: Standing, decision: Decision) -> dict[str, str]:
    words = REASONS[decision.kind].get(decision.reason, {VI: decision.reason, EN: decision.reason})
    made = _day(decision.made_on)
    if decision.kind == DecisionKind.DEFER and decision.until:
        until = _day(decision.until)
        return {
            VI: f"Hoãn đến {until} ({_lower(words[VI])}), quyết định ngày {made}.",
            EN: f"Put off until {until} ({_lower(words[EN])}), decided on {made}.",
        }
    if decision.kind == DecisionKind.OPT_OUT:
        return {
            VI: f"Không muốn được mời ({_lower(words[VI])}), từ ngày {made}.",
            EN: f"Does not want to be called ({_lower(words[EN])}), since {made}.",
        }
    review = _day(decision.review_on) if decision.review_on else "…"
    return {
        VI: f"Ngừng mời ({_lower(words[VI])}), quyết định ngày {made}, xem lại ngày {review}.",
        EN: f"Not called ({_lower(words[EN])}), decided on {made}, to be reviewed on {review}.",
    }


def _risk(standing: Standing, protocol: Protocol) -> Text:
    group = _group(protocol, standing.inputs.get("risk", ""))
    if group is None:
        return {VI: "", EN: ""}
    return {VI: f" (nhóm nguy cơ: {_lower(group.name[VI])})", EN: f" (at risk: {_lower(group.name[EN])})"}


def _group(protocol: Protocol, key: str) -> RiskGroup | None:
    return next((one for one in protocol.risk_groups if one.key == key), None)


def _version(standing: Standing) -> Protocol:
    """The version that the date was counted by, or the newest if that one is gone."""
    found = [one for one in protocols() if one.programme == standing.programme]
    for one in found:
        if one.version == standing.protocol_version:
            return one
    return protocol_for(standing.programme, date.max)


def _began(programme: str) -> date:
    return min(one.valid_from for one in protocols() if one.programme == programme)


def _lower(text: str) -> str:
    """A label inside a sentence: only a first letter that begins an ordinary word is made small."""
    return text[:1].lower() + text[1:] if text[1:2].islower() or text[1:2] == " " else text


def _day(day: date) -> str:
    return f"{day:%d/%m/%Y}"


def _month(day: date) -> str:
    return f"{day:%m/%Y}"
