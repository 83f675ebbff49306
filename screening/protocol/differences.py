"""What differs between two versions of a protocol, field by field, in words of both languages."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from screening.protocol.shapes import Text
from screening.protocol.sharing import share_categories

ADDED, REMOVED, CHANGED = "added", "removed", "changed"

#: Sections and lists whose parts have a name of their own.
_PARTS: Final[dict[str, Text]] = {
    "eligibility": {"vi": "Đối tượng", "en": "Who it is for"},
    "bands": {"vi": "nhóm tuổi", "en": "age band"},
    "exclusions": {"vi": "không mời vì", "en": "left out because of"},
    "risk_groups": {"vi": "nhóm nguy cơ", "en": "risk group"},
    "call": {"vi": "Mời và nhắc", "en": "Call and recall"},
    "tests": {"vi": "Xét nghiệm", "en": "Test"},
    "codes": {"vi": "mã", "en": "code"},
    "units": {"vi": "đơn vị", "en": "unit"},
    "kits": {"vi": "bộ kit", "en": "kit"},
    "components": {"vi": "chi tiết kèm theo", "en": "reported beside it"},
    "values": {"vi": "giá trị", "en": "value"},
    "categories": {"vi": "kết quả", "en": "result"},
    "steps": {"vi": "Việc", "en": "Step"},
    "assessments": {"vi": "Khám", "en": "Examination"},
    "findings": {"vi": "kết luận", "en": "finding"},
    "reasons": {"vi": "Lý do kết thúc", "en": "Closing reason"},
    "sources": {"vi": "Nguồn", "en": "Source"},
    "cancer": {"vi": "Chẩn đoán ung thư", "en": "Cancer diagnoses"},
    "wording": {"vi": "Nội dung cho người dân", "en": "Words for citizens"},
}
#: Fields, as an officer calls them.
FIELDS: Final[dict[str, Text]] = {
    "version": {"vi": "phiên bản", "en": "version"},
    "valid_from": {"vi": "có hiệu lực từ", "en": "in force from"},
    "min_age": {"vi": "tuổi từ", "en": "age from"},
    "max_age": {"vi": "tuổi đến", "en": "age to"},
    "interval_months": {"vi": "khoảng cách (tháng)", "en": "interval (months)"},
    "next_months": {"vi": "lần sau sau (tháng)", "en": "next round after (months)"},
    "then_months": {"vi": "nếu âm tính, lần sau sau (tháng)", "en": "if negative, next round after (months)"},
    "review_months": {"vi": "xem lại sau (tháng)", "en": "review after (months)"},
    "within_days": {"vi": "thời hạn (ngày)", "en": "due within (days)"},
    "within_months": {"vi": "thời hạn (tháng)", "en": "due within (months)"},
    "limit_days": {"vi": "chậm nhất (ngày)", "en": "at the latest (days)"},
    "limit_months": {"vi": "chậm nhất (tháng)", "en": "at the latest (months)"},
    "warn_days": {"vi": "nhắc trước (ngày)", "en": "warned before (days)"},
    "hold_days": {"vi": "chờ báo trực tiếp tối đa (ngày)", "en": "held for contact at most (days)"},
    "invite_days_before": {"vi": "mời trước hạn (ngày)", "en": "invited before due (days)"},
    "remind_after_days": {"vi": "nhắc sau khi mời (ngày)", "en": "reminded after the invitation (days)"},
    "nonresponse_after_days": {"vi": "coi là không phản hồi sau (ngày)", "en": "non-responder after (days)"},
    "overdue_after_days": {"vi": "coi là quá hạn sau (ngày)", "en": "overdue after (days)"},
    "attempts": {"vi": "số lần nhắc", "en": "attempts"},
    "after_days": {"vi": "báo lên sau (ngày)", "en": "told after (days)"},
    "default_cutoff": {"vi": "ngưỡng mặc định", "en": "default cut-off"},
    "cutoff": {"vi": "ngưỡng", "en": "cut-off"},
    "factor": {"vi": "hệ số đổi đơn vị", "en": "conversion factor"},
    "any_of": {"vi": "các giá trị được tính", "en": "values that count"},
    "result": {"vi": "kết quả xét nghiệm", "en": "test result"},
    "stopped": {"vi": "đã ngừng", "en": "ended"},
    "years": {"vi": "số năm", "en": "years"},
    "at_least": {"vi": "từ", "en": "at least"},
    "sexes": {"vi": "giới tính", "en": "sexes"},
    "mode": {"vi": "cách mời", "en": "mode"},
    "residence": {"vi": "nơi ở", "en": "residence"},
    "requires_risk_group": {"vi": "chỉ nhóm nguy cơ", "en": "risk groups only"},
    "age_counted": {"vi": "cách tính tuổi", "en": "how age is counted"},
    "leads_to": {"vi": "dẫn đến", "en": "leads to"},
    "positive_leads_to": {"vi": "nếu dương tính thì", "en": "if positive, leads to"},
    "discharged_by": {"vi": "kết thúc khi", "en": "ended by"},
    "owner": {"vi": "người chịu trách nhiệm", "en": "owner"},
    "urgency": {"vi": "mức ưu tiên", "en": "urgency"},
    "state": {"vi": "trạng thái", "en": "state"},
    "outcome": {"vi": "được tính là", "en": "counts as"},
    "release": {"vi": "cách báo kết quả", "en": "release"},
    "source": {"vi": "nguồn", "en": "source"},
    "city_sets": {"vi": "do thành phố quyết định", "en": "for the city to set"},
    "words": {"vi": "cách viết được hiểu", "en": "words understood"},
    "codes": {"vi": "mã", "en": "codes"},
    "tests": {"vi": "xét nghiệm", "en": "tests"},
    "ends": {"vi": "kết thúc chương trình cho người này", "en": "ends the programme for the person"},
    "escalate": {"vi": "báo lên", "en": "escalation"},
    "district": {"vi": "quận, huyện", "en": "district"},
    "city": {"vi": "thành phố", "en": "city"},
    "kind": {"vi": "loại", "en": "kind"},
    "discharges": {"vi": "kết thúc việc", "en": "ends the step"},
    "verdict": {"vi": "kết luận", "en": "verdict"},
    "meaning": {"vi": "ý nghĩa", "en": "meaning"},
    "next": {"vi": "việc tiếp theo", "en": "what is next"},
    "name": {"vi": "tên", "en": "name"},
    "label": {"vi": "tên gọi", "en": "label"},
    "icd10": {"vi": "mã ICD-10", "en": "ICD-10 codes"},
}
_TABLES: Final = ("eligibility", "call", "cancer")  # sections that have fields, not parts
_NOTHING: Final[Text] = {"vi": "", "en": ""}
_NAMED_BY: Final = ("key", "unit", "code", "to")


@dataclass(frozen=True, slots=True)
class Difference:
    """One field or part. ``place`` is where, ``field`` which; ``old`` and ``new`` as written, "" if there is none."""

    kind: str
    path: str
    place: Text
    field: Text
    old: Text
    new: Text

    def sentence(self, language: str) -> str:
        """In one line: "Test FIT, result Negative: next round after (months): 12 → 24"."""
        place, field = self.place[language], self.field[language]
        where = f"{place}: {field}" if place and field else place or field
        if self.kind == CHANGED:
            return f"{where}: {self.old[language]} → {self.new[language]}"
        word = {
            "vi": {ADDED: "thêm", REMOVED: "bỏ"},
            "en": {ADDED: "added", REMOVED: "removed"},
        }[language][self.kind]
        value = self.new[language] or self.old[language]
        return f"{where}: {word} {value}" if value else f"{where}: {word}"


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Difference]:
    """The differences of two files' raw values, in the order of the new file; a part that is new or gone is one."""
    before, after = share_categories(dict(old)), share_categories(dict(new))
    return list(_Comparison(before, after).of(before, after, (), _NOTHING))


@dataclass(frozen=True, slots=True)
class _Comparison:
    before: Mapping[str, Any]
    after: Mapping[str, Any]

    def of(self, old: Any, new: Any, path: tuple[str, ...], place: Text) -> Iterator[Difference]:
        one_side, other_side = _children(old), _children(new)
        for key in [*other_side, *(key for key in one_side if key not in other_side)]:
            here = (*path, key)
            one, other = one_side.get(key), other_side.get(key)
            if one == other:
                continue
            kind = ADDED if one is None else REMOVED if other is None else CHANGED
            shown = other if other is not None else one
            if not _has_parts(shown) or not (one is None or _has_parts(one)):
                field = FIELDS.get(key, {"vi": key, "en": key})
                texts = _texts(key, one, self.before), _texts(key, other, self.after)
                yield Difference(kind, ".".join(here), place, field, *texts)
            elif kind == CHANGED:
                yield from self.of(one, other, here, _placed(place, path, key, shown))
            else:
                where = _placed(place, path, key, shown)
                yield Difference(kind, ".".join(here), where, _NOTHING, _NOTHING, _NOTHING)


def _children(value: Any) -> dict[str, Any]:
    """The parts of a table, or of a list of tables by what names each."""
    if isinstance(value, Mapping):
        return dict(value)
    found: dict[str, Any] = {}
    for position, item in enumerate(value):
        name = next((str(item[key]) for key in _NAMED_BY if key in item), item.get("name", position + 1))
        found[str(name)] = item
    return found


def _has_parts(value: Any) -> bool:
    """A table with fields of its own (a text in two languages is none), or a list of such."""
    if isinstance(value, Mapping):
        return not set(value) <= {"vi", "en"} or any(isinstance(part, Mapping) for part in value.values())
    return isinstance(value, list) and bool(value) and all(isinstance(item, Mapping) for item in value)


def _placed(place: Text, path: tuple[str, ...], key: str, value: Any) -> Text:
    """The place one level down: a section's word, then the name of the part in it."""
    named = value.get("name") or value.get("label") if isinstance(value, Mapping) else None
    found = {}
    for language in ("vi", "en"):
        if path and path[-1] in _PARTS and path[-1] not in _TABLES:  # a part of a section: its own name
            name = named[language] if isinstance(named, Mapping) else str(named or key)
            found[language] = f"{place[language]} {key}" if path[-1] == "bands" else f"{place[language]} “{name}”"
        else:
            word = _PARTS.get(key, FIELDS.get(key, {"vi": key, "en": key}))[language]
            found[language] = f"{place[language]}, {word}" if place[language] else word
    return found


def _texts(field: str, value: Any, raw: Mapping[str, Any]) -> Text:
    """A value as written; a step by its name."""
    steps = raw.get("steps", {})
    if field.endswith("leads_to") and isinstance(value, str) and value in steps:
        return {language: f"“{steps[value]['name'][language]}”" for language in ("vi", "en")}
    if isinstance(value, bool):
        return {"vi": "có" if value else "không", "en": "yes" if value else "no"}
    return dict.fromkeys(("vi", "en"), _text(value))


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, date):
        return f"{value:%d/%m/%Y}"
    if isinstance(value, list):
        return ", ".join(_text(item) for item in value)
    if isinstance(value, Mapping):
        return " / ".join(_text(part) for part in value.values())
    return str(value)
