"""Reads what follows a result out of FHIR resources: referrals, assessments of every kind, contacts, deaths."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from screening.elements import Fact, codings, day_of, last_day_of, organization, pairs, performer_of
from screening.protocol.events import ASSESSED, CONTACTED, DIED, REFERRED
from screening.protocol.load import find_assessment, protocol_for
from screening.protocol.shapes import PROCEDURE, REPORT, STAGING, UNSPECIFIED, Assessment

#: LOINC codes of the parts of a staging: clinical and pathological T, N and M.
TNM = {
    "t": ("21905-5", "21899-0"),
    "n": ("21906-3", "21900-6"),
    "m": ("21907-1", "21901-4"),
}
_REPORTED = ("final", "amended", "corrected", "appended")
_part_of_code = {code: part for part, codes in TNM.items() for code in codes}


def referral(request: Mapping[str, Any], facility: str | None) -> Fact | None:
    """A ServiceRequest for an assessment. ``doNotPerform`` is the opposite of one."""
    found = find_assessment(codings(request.get("code")))
    if found is None or request.get("status") not in ("active", "completed", "on-hold") or request.get("doNotPerform"):
        return None
    due = day_of(request.get("occurrenceDateTime") or (request.get("occurrencePeriod") or {}).get("end"))
    asked = day_of(request.get("authoredOn")) or due
    if asked is None:
        return None
    return Fact(
        REFERRED,
        found[0],
        asked,
        {
            "assessment": found[1],
            "due_on": due.isoformat() if due else None,
            "facility": organization(request.get("requester")) or facility,
            "to": performer_of(request, None),
        },
    )


def procedure(resource: Mapping[str, Any], facility: str | None) -> Fact | None:
    """A Procedure: an examination, a treatment, or the meeting of a team; its outcome is the finding."""
    if resource.get("status") != "completed":
        return None
    period = resource.get("performedPeriod") or {}
    done = day_of(resource.get("performedDateTime") or period.get("start") or period.get("end"))
    return _assessed(resource, facility, done, resource.get("outcome"))


def report(resource: Mapping[str, Any], facility: str | None) -> Fact | None:
    """A DiagnosticReport of histology or of an examination: conclusionCode is the finding, its day the sample's."""
    if resource.get("status") not in _REPORTED:
        return None
    conclusions = [coding for concept in resource.get("conclusionCode") or () for coding in codings(concept)]
    return _assessed(resource, facility, _effective(resource), {"coding": conclusions}, kinds=(REPORT, PROCEDURE))


def staging(resource: Mapping[str, Any], facility: str | None) -> Fact | None:
    """An Observation of a cancer's stage: the value is the finding, T, N and M are components."""
    if resource.get("status") not in ("final", "amended", "corrected"):
        return None
    fact = _assessed(resource, facility, _effective(resource), resource.get("valueCodeableConcept"), kinds=(STAGING,))
    if fact is not None:
        fact.data["tnm"] = _tnm(resource)
    return fact


def contact(resource: Mapping[str, Any], facility: str | None, recorded: date | None) -> Fact | None:
    """A completed Communication about an Observation: the person was told of that result."""
    if resource.get("status") != "completed":
        return None
    references = [*(resource.get("about") or ()), *(resource.get("reasonReference") or ())]
    about = sorted(
        {text for one in references if (text := one.get("reference") or "").startswith("Observation/")},
    )
    written = day_of(resource.get("sent") or resource.get("received"))
    told = written or recorded
    if not about or told is None:
        return None
    sender = organization(resource.get("sender")) or facility
    return Fact(CONTACTED, "", told, {"about": about, "facility": sender, "dated": written is not None})


def death(patient: Mapping[str, Any], recorded: date | None) -> Fact | None:
    """That somebody has died, on the day that is known; else on the last day it can have been."""
    text = patient.get("deceasedDateTime")
    if text is None and patient.get("deceasedBoolean") is not True:
        return None
    died = last_day_of(text)
    day = min((found for found in (died, recorded) if found is not None), default=None)
    return Fact(DIED, "", day, {"text": text or ""}) if day else None


def _assessed(
    resource: Mapping[str, Any],
    facility: str | None,
    done: date | None,
    concept: Any,
    *,
    kinds: tuple[str, ...] = (),
) -> Fact | None:
    found = find_assessment(codings(resource.get("code")))
    if found is None or done is None:
        return None
    programme, key = found
    assessment = _rule(programme, key, done)
    if kinds and assessment.kind not in kinds:
        return None
    said = pairs(concept)
    finding = next((item.key for item in assessment.findings.values() if said & set(item.codings)), UNSPECIFIED)
    reported = day_of(resource.get("issued"))
    return Fact(
        ASSESSED,
        programme,
        done,
        {
            "assessment": key,
            "finding": finding,
            "facility": performer_of(resource, facility),
            "resulted_on": reported.isoformat() if reported else None,
        },
    )


def _rule(programme: str, key: str, on: date) -> Assessment:
    """The assessment by the protocol of the day, or by the newest if that does not know it yet."""
    return protocol_for(programme, on).assessments.get(key) or protocol_for(programme, date.max).assessments[key]


def _effective(resource: Mapping[str, Any]) -> date | None:
    period = resource.get("effectivePeriod") or {}
    for text in (resource.get("effectiveDateTime"), period.get("start"), period.get("end"), resource.get("issued")):
        if day := day_of(text):
            return day
    return None


def _tnm(resource: Mapping[str, Any]) -> dict[str, str]:
    """T, N and M as they were written: the code, or its text."""
    found = {}
    for component in resource.get("component") or ():
        named = (one.get("code", "") for one in codings(component.get("code")))
        part = next((_part_of_code[code] for code in named if code in _part_of_code), None)
        value = component.get("valueCodeableConcept") or {}
        written = next((one.get("code") or one.get("display") for one in codings(value)), None)
        if part:
            found[part] = written or value.get("text") or component.get("valueString") or ""
    return found
