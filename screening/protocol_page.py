"""A version of a protocol as people read it: who, how often, which tests, what each result leads to, by when, by whom.

Works on the file's raw values, because only they say where each number comes from: a source, or the city's to decide.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from screening.protocol.load import Source
from screening.protocol.sharing import share_categories

_SYSTEMS: Final = {"icd10": "ICD-10", "loinc": "LOINC", "snomed": "SNOMED CT", "local": "HealthHub"}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a number comes from: ``number`` of a source in the list, or 0 with ``city`` true, or neither."""

    number: int = 0
    city: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A thing and what is said of it."""

    name: str
    text: str
    origin: Origin = Origin()
    more: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """A test or an examination, with what each of its results or findings leads to."""

    key: str
    name: str
    note: str
    lines: tuple[Line, ...]
    details: tuple[Line, ...] = ()


@dataclass(slots=True)
class Page:
    """All of it, in the reader's language."""

    name: str
    people: list[Line] = field(default_factory=list)
    call: list[Line] = field(default_factory=list)
    tests: list[Part] = field(default_factory=list)
    steps: list[Line] = field(default_factory=list)
    assessments: list[Part] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    sources: list[tuple[str, str]] = field(default_factory=list)
    for_city: int = 0


def page_of(source: Source) -> Page:
    """What a text says; it must have passed the check."""
    return _Reader(share_categories(tomllib.loads(source.text))).page()


def city_numbers(source: Source) -> int:
    """How many places of a text are marked as the city's to set."""
    return sum(1 for part in _parts(tomllib.loads(source.text)) if part.get("city_sets") is True)


def _parts(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        yield value
        for part in value.values():
            yield from _parts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _parts(part)


class _Reader:
    def __init__(self, raw: Mapping[str, Any]) -> None:
        self.raw = raw
        self.language = "en" if (get_language() or "vi").startswith("en") else "vi"
        self.numbers = {key: number for number, key in enumerate(raw["sources"], start=1)}

    def page(self) -> Page:
        raw = self.raw
        return Page(
            name=self.text(raw["name"]),
            people=list(self.people()),
            call=list(self.call()),
            tests=[self.test(key, test) for key, test in raw["tests"].items()],
            steps=[self.step(step) for step in raw["steps"].values()],
            assessments=[self.assessment(key, one) for key, one in raw["assessments"].items()],
            reasons=[self.text(reason) for reason in raw["reasons"].values()],
            sources=list(raw["sources"].items()),
            for_city=sum(1 for part in _parts(raw) if part.get("city_sets") is True),
        )

    def text(self, value: Mapping[str, str]) -> str:
        return value[self.language]

    def origin(self, part: Mapping[str, Any]) -> Origin:
        return Origin(self.numbers.get(part.get("source", ""), 0), part.get("city_sets") is True)

    def step_name(self, key: str) -> str:
        return self.text(self.raw["steps"][key]["name"])

    def people(self) -> Iterator[Line]:
        rules = self.raw["eligibility"]
        sexes = {"male": _("nam"), "female": _("nữ"), "other": _("khác"), "unknown": _("chưa rõ")}
        mode = {
            "invited": _("Được mời khi đến hạn"),
            "opportunistic": _("Không mời; làm khi người dân có mặt (khám sức khỏe hằng năm)"),
        }
        yield Line(_("Cách mời"), mode[rules.get("mode", "invited")])
        yield Line(_("Giới tính"), ", ".join(sexes[sex] for sex in rules["sexes"]))
        counted = {
            "on_day": _("Theo ngày sinh: đủ tuổi vào đúng ngày sinh nhật"),
            "birth_year": _("Theo năm sinh: năm nay trừ năm sinh"),
        }
        yield Line(_("Cách tính tuổi"), counted[rules["age_counted"]])
        for band in rules["bands"]:
            names = ", ".join(self.text(self.raw["tests"][key]["name"]) for key in band["tests"])
            text = _("%(every)s: %(tests)s") % {"every": _every(band["interval_months"]), "tests": names}
            yield Line(_ages(band), text, self.origin(band))
        if rules.get("requires_risk_group"):
            yield Line(_("Chỉ nhóm nguy cơ"), _("Người ngoài các nhóm dưới đây không được mời"))
        for group in rules.get("risk_groups", ()):
            seen = group.get("observation")
            parts = [_ages(group)] if "min_age" in group else []
            parts += [_every(group["interval_months"])] if "interval_months" in group else []
            parts += [f"{seen['code'].partition('|')[2]} ≥ {seen['at_least']} {seen['unit']}"] if seen else []
            if result := group.get("result"):
                names = ", ".join(code.partition("|")[2] for code in result["codes"])
                parts.append(_("kết quả dương tính: %(codes)s") % {"codes": names})
            if stopped := group.get("stopped"):
                parts.append(_("đã ngừng thì tính đến %(years)d năm sau đó") % {"years": stopped["years"]})
            origin = self.origin(group)
            yield Line(
                _("Nhóm nguy cơ: %(name)s") % {"name": self.text(group["name"])},
                "; ".join(parts),
                origin if origin.number or origin.city else self.origin(seen or {}),
                tuple(_code(code) for code in group.get("codes", ())),
            )
        for one in rules.get("exclusions", ()):
            months = one.get("review_months")
            text = _("xem lại sau %(span)s") % {"span": _months(months)} if months else _("lâu dài")
            name = _("Không mời: %(name)s") % {"name": self.text(one["name"])}
            yield Line(name, text, self.origin(one), tuple(_code(code) for code in one["codes"]))

    def call(self) -> Iterator[Line]:
        call = self.raw.get("call")
        if call is None:
            return
        origin = self.origin(call)
        yield Line(_("Mời trước hạn"), _days(call["invite_days_before"]), origin)
        yield Line(_("Nhắc sau khi mời"), _days(call["remind_after_days"]), origin)
        yield Line(_("Coi là không phản hồi sau"), _days(call["nonresponse_after_days"]), origin)
        yield Line(_("Coi là quá hạn sau"), _days(call["overdue_after_days"]), origin)
        yield Line(_("Số lần nhắc"), str(call["attempts"]), origin)

    def test(self, key: str, test: Mapping[str, Any]) -> Part:
        outcomes = {
            "positive": _("dương tính"),
            "negative": _("âm tính"),
            "inadequate": _("chưa đạt"),
        }
        lines = []
        for category in test["categories"].values():
            parts = [self.step_name(category["leads_to"])] if "leads_to" in category else []
            if "next_months" in category and "leads_to" not in category:
                parts.append(_("lần sau sau %(span)s") % {"span": _months(category["next_months"])})
            if category.get("release") == "after_contact":
                parts.append(_("người dân thấy kết quả sau khi được báo trực tiếp, chậm nhất sau %(span)s") % {
                    "span": _days(category["hold_days"])
                })  # fmt: skip
            label = f"{self.text(category['label'])} ({outcomes[category['outcome']]})"
            lines.append(Line(label, "; ".join(parts), self.origin(category)))
        note = []
        if test.get("entry") == "double":
            note.append(_("Cần người thứ hai xác nhận trước khi kết quả có giá trị."))
        if "second_reading_of" in test:
            note.append(_("Đọc lần hai; nếu hai người đọc khác nhau: %(step)s.") % {
                "step": self.step_name(test["disagreement_leads_to"])
            })  # fmt: skip
        return Part(key, self.text(test["name"]), " ".join(note), tuple(lines), tuple(self.test_details(test)))

    def test_details(self, test: Mapping[str, Any]) -> Iterator[Line]:
        for code in test["codes"]:
            yield Line(_code(code["code"]), code["display"], Origin(), tuple(code.get("units", ())))
        for unit in test.get("units", ()):
            limit = unit.get("default_cutoff")
            text = f"≥ {limit}" if limit else _("không có ngưỡng mặc định")
            yield Line(_("Ngưỡng, %(unit)s") % {"unit": unit["display"]}, text, self.origin(unit))
        for kit in test.get("kits", ()):
            parts = []
            if limit := kit.get("cutoff"):
                parts.append(f"≥ {limit['value']} {limit['unit']}")
            if factor := kit.get("factor"):
                parts.append(f"1 {factor['from']} = {factor['times']} {factor['to']}")
            else:
                parts.append(_("không đổi đơn vị: chưa có hệ số được công bố"))
            yield Line(_("Bộ kit %(name)s") % {"name": kit["name"]}, "; ".join(parts), self.origin(kit))
        for component in test.get("components", ()):
            values = ", ".join(self.text(value["label"]) for value in component["values"])
            asked = [
                _("%(value)s, khi kết quả âm tính: %(step)s")
                % {"value": self.text(value["label"]), "step": self.step_name(value["leads_to"])}
                for value in component["values"]
                if "leads_to" in value
            ]
            yield Line(self.text(component["name"]), values, self.origin(component), tuple(asked))

    def step(self, step: Mapping[str, Any]) -> Line:
        owners = {
            "testing_facility": _("cơ sở xét nghiệm"),
            "referred_facility": _("cơ sở tiếp nhận"),
            "department": _("Sở Y tế"),
        }
        levels = {"district": _("quận, huyện"), "city": _("thành phố")}
        told = ", ".join(
            _("%(who)s sau %(span)s") % {"who": levels[one["to"]], "span": _days(one["after_days"])}
            for one in step["escalate"]
        )
        more = [
            _("Chậm nhất %(span)s") % {"span": _span(step, "limit")},
            _("Nhắc trước %(span)s") % {"span": _days(step["warn_days"])},
            _("Người chịu trách nhiệm: %(who)s") % {"who": owners[step["owner"]]},
            _("Quá hạn thì báo: %(who)s") % {"who": told},
            _("Kết thúc khi: %(exits)s") % {"exits": ", ".join(self.exits(step))},
        ]
        if step.get("by_result"):
            more.append(_("Nếu dương tính: theo kết quả của xét nghiệm đó"))
        if "positive_leads_to" in step:
            more.append(_("Nếu dương tính: %(step)s") % {"step": self.step_name(step["positive_leads_to"])})
        if "then_months" in step:
            more.append(_("Nếu âm tính: lần sau sau %(span)s") % {"span": _months(step["then_months"])})
        text = _("trong vòng %(span)s") % {"span": _span(step, "within")}
        return Line(self.text(step["name"]), text, self.origin(step), tuple(more))

    def exits(self, step: Mapping[str, Any]) -> Iterator[str]:
        for pattern in step["discharged_by"]:
            kind, _colon, name = pattern.partition(":")
            if kind == "closed":
                yield _("có lý do được ghi")
            elif name == "same":
                yield _("có kết quả mới của xét nghiệm đó")
            else:
                part = self.raw["tests" if kind == "result" else "assessments"][name]
                yield f"“{self.text(part['name'])}”"

    def assessment(self, key: str, assessment: Mapping[str, Any]) -> Part:
        lines = []
        for finding in assessment["findings"]:
            parts = [self.step_name(finding["leads_to"])] if "leads_to" in finding else []
            if "next_months" in finding:
                parts.append(_("lần sàng lọc sau: %(span)s") % {"span": _months(finding["next_months"])})
            if finding.get("ends"):
                parts.append(_("kết thúc chương trình cho người này"))
            if finding.get("discharges") is False:
                parts.append(_("việc vẫn còn mở"))
            lines.append(Line(self.text(finding["label"]), "; ".join(parts), self.origin(finding)))
        codes = ", ".join(_code(code) for code in assessment["codes"])
        return Part(key, self.text(assessment["name"]), codes, tuple(lines))


def _code(token: str) -> str:
    """ "icd10|C50" as people read it: "ICD-10 C50"; the display of a test's code stands beside it."""
    system, _bar, code = token.partition("|")
    return f"{_SYSTEMS.get(system, system)} {code}"


def _days(number: int) -> str:
    return ngettext("%(number)s ngày", "%(number)s ngày", number) % {"number": number}


def _months(number: int) -> str:
    return ngettext("%(number)s tháng", "%(number)s tháng", number) % {"number": number}


def _every(months: int) -> str:
    return _("mỗi %(span)s") % {"span": _months(months)}


def _span(step: Mapping[str, Any], name: str) -> str:
    days = step.get(f"{name}_days")
    return _days(days) if days is not None else _months(step[f"{name}_months"])


def _ages(part: Mapping[str, Any]) -> str:
    if "max_age" in part:
        return _("Từ %(low)s đến %(high)s tuổi") % {"low": part["min_age"], "high": part["max_age"]}
    return _("Từ %(low)s tuổi") % {"low": part["min_age"]}
