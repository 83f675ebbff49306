"""Putting right, or taking back, what was recorded of a step: examination, report, stage, decision or treatment.

Both are new versions of the resource that says so, through the store: its hooks fold the round anew, as if it had been
right from the start, and tell who acted on the old version (``laboratory.notices``). The coded reason stands where
FHIR has it: Procedure.statusReason, else HL7's extension of that meaning.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final
from uuid import UUID

from django.conf import settings

from fhir.models import Resource, ResourceVersion
from fhir.outcomes import refuse
from fhir.reader import read
from fhir.store import Saved, save
from fhir.text import parse
from healthhub.accounts.actors import Actor
from screening.assessing import coded_finding, coded_part, instant_of
from screening.elements import codings
from screening.followup import TNM
from screening.models import EpisodeEvent, EventKind, ScreeningResult
from screening.protocol import Protocol, protocol_for
from screening.protocol.events import ASSESSED
from screening.protocol.shapes import Assessment, Text

TYPES: Final = ("Procedure", "DiagnosticReport", "Observation")
REASON: Final = "http://hl7.org/fhir/StructureDefinition/event-statusReason"
#: Why something is put right: local codes, as no standard has them.
CORRECTED: Final[Mapping[str, Text]] = {
    "corrected-slip": {"vi": "Chọn hoặc gõ nhầm", "en": "Wrong choice or typing error"},
    "corrected-reread": {"vi": "Đọc lại phim hoặc tiêu bản", "en": "Images or slides were read again"},
    "corrected-more-known": {"vi": "Nay biết thêm điều mới", "en": "More has become known"},
    "corrected-other": {"vi": "Lý do khác", "en": "Another reason"},
}
#: Why something is taken back.
WITHDRAWN: Final[Mapping[str, Text]] = {
    "entered-wrong-person": {"vi": "Ghi nhầm người", "en": "Recorded for the wrong person"},
    "entered-not-done": {"vi": "Bước này không diễn ra", "en": "It did not take place"},
    "entered-wrong-step": {"vi": "Ghi nhầm loại bước", "en": "Recorded as the wrong kind of step"},
    "entered-twice": {"vi": "Đã ghi ở một bản khác", "en": "Recorded twice"},
    "entered-other": {"vi": "Lý do khác", "en": "Another reason"},
}
#: Reasons that say nothing without words.
IN_WORDS: Final = frozenset({"corrected-other", "entered-other"})
_LABELS: Final = {**CORRECTED, **WITHDRAWN}
_FINDING: Final = {
    "Procedure": "outcome",
    "DiagnosticReport": "conclusionCode",
    "Observation": "valueCodeableConcept",
}
_DAY: Final = {"Procedure": "performed", "DiagnosticReport": "effective", "Observation": "effective"}
_DAY_TYPES: Final = ("DateTime", "Period", "Instant", "Timing", "String", "Age", "Range")
_PARTS: Final = {code: part for part, codes in TNM.items() for code in codes}


@dataclass(frozen=True, slots=True)
class StepRecord:
    """What one resource says of a step, as it reads now; of one that was taken back, as it read last.

    ``protocol`` is that of the round (``episode``, None if it is in none), or a later one that knows the assessment
    ``rule``. ``facility`` wrote it, and alone may change it.
    """

    type: str
    id: str
    version: int
    patient: str
    facility: str | None
    resource: Mapping[str, Any] = field(repr=False)
    episode: UUID | None
    protocol: Protocol = field(repr=False)
    rule: Assessment = field(repr=False)
    finding: str
    done_on: date
    reported_on: date | None
    tnm: Mapping[str, str]
    withdrawn: bool

    @property
    def note(self) -> str:
        """The words beside the finding."""
        if self.type == "DiagnosticReport":
            return str(self.resource.get("conclusion") or "")
        return "\n".join(one.get("text", "") for one in self.resource.get("note") or ())

    @property
    def since(self) -> date:
        """The first day on which it can have been: that of the round's first result, if it has one."""
        results = ScreeningResult.objects.filter(episode=self.episode).order_by("collected_on")
        first = results.values_list("collected_on", flat=True).first() if self.episode else None
        return min(first or date.min, self.done_on)


def find_step(*, type: str, id: str, actor: Actor) -> StepRecord:
    """What a resource says of a step. Refused: 404 if the actor may not read it or it never was one, 410 if deleted."""
    stored = read(type=type, id=id, actor=actor)
    said = EpisodeEvent.objects.filter(source_type=type, source_id=id, fact=ASSESSED, patient=stored.patient)
    last = said.select_related("episode").order_by("source_version", "recorded_at").last()
    if last is None or stored.patient is None:
        raise refuse(404, "not-found", f"{type}/{id} says of no step that it was taken.", type)
    placed = said.exclude(episode=None).select_related("episode").order_by("source_version").last()
    opened = placed.episode.opened_on if placed and placed.episode else last.occurred_on
    key, reported = last.data["assessment"], last.data.get("resulted_on")
    protocol = protocol_for(last.programme, opened)
    if key not in protocol.assessments:
        protocol = protocol_for(last.programme, date.max)
    return StepRecord(
        type=type,
        id=id,
        version=stored.version,
        patient=stored.patient,
        facility=Resource.objects.values_list("facility", flat=True).get(type=type, id=id),
        resource=parse(stored.content).resource,
        episode=placed.episode_id if placed else None,
        protocol=protocol,
        rule=protocol.assessments[key],
        finding=last.data["finding"],
        done_on=last.occurred_on,
        reported_on=date.fromisoformat(reported) if reported else None,
        tnm=last.data.get("tnm") or {},
        withdrawn=last.kind == EventKind.WITHDRAWN,
    )


def correct_step(
    *,
    step: StepRecord,
    finding: str,
    done_on: date,
    reported_on: date | None,
    note: str,
    tnm: Mapping[str, str],
    reason: str,
    why: str,
    if_match: int,
    actor: Actor,
) -> Saved:
    """Save a new version that says something else; whatever else the old one holds stays as it was.

    ``if_match`` is the version that the actor was shown. Refused: 412 if it is no longer the newest, 403 to another
    facility, 409 if it was taken back, 422 as by every door. KeyError for an unknown finding or reason.
    """
    if step.withdrawn:
        raise refuse(409, "conflict", f"{step.type}/{step.id} was taken back.", "withdrawn")
    said = dict(step.resource)
    said.pop("text", None)  # the narrative of the old version
    if done_on != step.done_on:
        for kind in _DAY_TYPES:
            said.pop(f"{_DAY[step.type]}{kind}", None)
            said.pop(f"_{_DAY[step.type]}{kind}", None)
        said[f"{_DAY[step.type]}DateTime"] = done_on.isoformat()
    if reported_on != step.reported_on:
        _put(said, "issued", instant_of(reported_on) if reported_on else None)
    if finding != step.finding:
        found = coded_finding(step.rule.findings[finding])
        _put(said, _FINDING[step.type], [found] if found and step.type == "DiagnosticReport" else found)
    if note != step.note:
        if step.type == "DiagnosticReport":
            _put(said, "conclusion", note)
        else:
            _put(said, "note", [{"text": note}] if note else None)
    if dict(tnm) != dict(step.tnm):
        _put(said, "component", _staged(said.get("component") or (), step.tnm, tnm))
    if step.type != "Procedure":
        said["status"] = "corrected"
    return save(_reasoned(said, reason, why), actor=actor, if_match=if_match)


def withdraw_step(*, step: StepRecord, reason: str, why: str, if_match: int, actor: Actor) -> Saved:
    """Mark it as entered in error: it stays readable in the history, with the reason, and no longer counts.

    Refused as ``correct_step``.
    """
    if step.withdrawn:
        raise refuse(409, "conflict", f"{step.type}/{step.id} was taken back already.", "withdrawn")
    said = {**step.resource, "status": "entered-in-error"}
    return save(_reasoned(said, reason, why), actor=actor, if_match=if_match)


def own_steps(patient: str, facility: str) -> set[tuple[str, str]]:
    """(type, id) of a person's resources that a facility wrote: those that it may put right. One statement."""
    mine = Resource.objects.filter(type__in=TYPES, patient=patient, facility=facility, deleted=False)
    return set(mine.values_list("type", "id"))


def reasons_of(sources: Collection[tuple[str, str]]) -> dict[tuple[str, str, int], tuple[Text, str]]:
    """By (type, id, version): the reason that a version was written for, and the words with it. Two statements."""
    if not sources:
        return {}
    wanted = {"type__in": {kind for kind, _ in sources}, "id__in": {name for _, name in sources}, "version__gt": 1}
    columns = ("type", "id", "version", "content")
    rows = [*Resource.objects.filter(**wanted).values_list(*columns)]
    rows += ResourceVersion.objects.filter(**wanted).values_list(*columns)
    found = {}
    for kind, name, version, content in rows:
        if (kind, name) in sources and (said := _reason(parse(content).resource if content else {})):
            found[kind, name, version] = said
    return found


def _reason(resource: Mapping[str, Any]) -> tuple[Text, str] | None:
    extensions = (
        one.get("valueCodeableConcept") for one in resource.get("extension") or () if one.get("url") == REASON
    )
    concept = resource.get("statusReason") or next(extensions, None)
    for coding in codings(concept):
        if coding.get("system") == settings.FHIR_SYSTEMS["screening"] and coding.get("code") in _LABELS:
            label, words = _LABELS[coding["code"]], (concept or {}).get("text") or ""
            return label, "" if words == label["vi"] else words
    return None


def _reasoned(said: dict[str, Any], reason: str, why: str) -> dict[str, Any]:
    label = _LABELS[reason]
    coding = {"system": settings.FHIR_SYSTEMS["screening"], "code": reason, "display": label["en"]}
    concept = {"coding": [coding], "text": why or label["vi"]}
    if said["resourceType"] == "Procedure":
        return {**said, "statusReason": concept}
    others = [one for one in said.get("extension") or () if one.get("url") != REASON]
    return {**said, "extension": [*others, {"url": REASON, "valueCodeableConcept": concept}]}


def _staged(components: Collection[Mapping[str, Any]], old: Mapping[str, str], new: Mapping[str, str]) -> Any:
    """The parts of a stage anew where they differ; what else was reported beside them stays."""
    changed = {part for part in TNM if new.get(part) != old.get(part)}
    kept = [one for one in components if not changed & {_PARTS.get(found.get("code", "")) for found in _codes(one)}]
    return [*kept, *(coded_part(part, new[part]) for part in TNM if part in changed and new.get(part))] or None


def _codes(component: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return codings(component.get("code"))


def _put(said: dict[str, Any], name: str, value: Any) -> None:
    if value:
        said[name] = value
    else:
        said.pop(name, None)
