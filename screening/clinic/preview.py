"""What a result would mean, shown before it is saved, and a mark that proves it was shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext as _

from records.models import Citizen
from screening.citizen import here, written
from screening.clinic import fitting
from screening.clinic.refusals import hiding_cutoff
from screening.clinic.words import OUTCOME_WORDS
from screening.models import ScreeningResult
from screening.protocol import NEGATIVE, Interpretation, protocol_for
from screening.protocol.beside import with_components
from screening.protocol.cutoffs import beside_own
from screening.protocol.events import add_months


@dataclass(frozen=True, slots=True)
class Preview:
    """The reading, what comes next and what should make one look twice. ``same`` are results that may be this very one.

    ``mark`` goes with the form: saving is allowed only for the values that were shown.
    """

    kind: str
    word: str
    label: str
    reading: str
    next_step: str
    beside: list[str]
    warnings: list[str]
    same: list[ScreeningResult]
    mark: str


def preview(
    *,
    citizen: Citizen,
    programme: str,
    found: Interpretation,
    fields: Mapping[str, Any],
    without: str = "",
) -> Preview:
    """The preview of a result with ``build_result``'s ``fields``; ``without`` is the one corrected. Two queries."""
    collected: date = fields["collected_on"]
    kind, word = OUTCOME_WORDS[found.outcome]
    same = ScreeningResult.objects.filter(patient_id=citizen.pk, test=fields["test"], collected_on=collected)
    return Preview(
        kind=kind,
        word=str(word),
        label=here(found.label),
        reading=here(_reading(programme, found, fields)),
        next_step=_next(programme, found, fields),
        beside=_beside(programme, found, fields),
        warnings=_of_cutoff(programme, found, fields)
        + fitting.warnings(
            [fitting.Sample(citizen, collected)], programme=programme, test=fields["test"], correcting=bool(without)
        ).get(citizen.pk, []),
        same=list(same.exclude(observation_id=without).select_related("facility")),
        mark=mark_of(citizen.pk, fields, found),
    )


def mark_of(patient_id: str, fields: Mapping[str, Any], found: Interpretation) -> str:
    """A digest of the person, the values and their reading."""
    said = sorted((name, str(value)) for name, value in fields.items())
    return salted_hmac(
        "screening.preview", repr((patient_id, said, found.category, found.explanation["en"]))
    ).hexdigest()


def was_shown(mark: str, preview_now: Preview) -> bool:
    """Whether exactly this was shown before."""
    return constant_time_compare(mark, preview_now.mark)


def _reading(programme: str, found: Interpretation, fields: Mapping[str, Any]) -> Mapping[str, str]:
    test = protocol_for(programme, fields["collected_on"]).tests.get(fields["test"])
    said = {key: value for key, value in (fields.get("components") or {}).items() if value}
    return with_components(test, found.explanation, said) if test else found.explanation


def _of_cutoff(programme: str, found: Interpretation, fields: Mapping[str, Any]) -> list[str]:
    """That the cut-off written makes another result of the number than the protocol's own."""
    test = protocol_for(programme, fields["collected_on"]).tests.get(fields["test"])
    if test is None or fields.get("cutoff") is None:
        return []
    beside = beside_own(test, found, kit=fields.get("kit", ""))
    if not beside or not beside.differs:
        return []
    return [f"{here(beside.sentence)} {hiding_cutoff()}" if beside.hides else here(beside.sentence)]


def _beside(programme: str, found: Interpretation, fields: Mapping[str, Any]) -> list[str]:
    """What is asked for, if the last word on these images is negative, by what is reported beside the result."""
    protocol = protocol_for(programme, fields["collected_on"])
    test = protocol.tests.get(fields["test"])
    if test is None or found.outcome != NEGATIVE:
        return []
    said = fields.get("components") or {}
    values = [(one, one.values.get(said.get(one.key, ""))) for one in test.components]
    return [
        _("%(name)s %(value)s: nếu kết luận cuối cùng là âm tính, cần %(step)s.")
        % {"name": here(one.name), "value": here(value.label), "step": here(protocol.steps[value.leads_to].name)}
        for one, value in values
        if value and value.leads_to
    ]


def _next(programme: str, found: Interpretation, fields: Mapping[str, Any]) -> str:
    protocol = protocol_for(programme, fields["collected_on"])
    category = protocol.category(fields["test"], found.category)
    step = protocol.steps.get(category.leads_to or "") if category else None
    if step:
        clock = max(fields.get("resulted_on") or fields["collected_on"], fields["collected_on"])
        due = written(step.due_on(clock))
        return _("Bước tiếp theo: %(step)s, trước ngày %(due)s.") % {"step": here(step.name), "due": due}
    if category and category.next_months and not _beside(programme, found, fields):
        month = f"{add_months(fields['collected_on'], category.next_months):%m/%Y}"
        return _("Không cần làm gì thêm. Lần sàng lọc tiếp theo: %(month)s.") % {"month": month}
    return ""
