"""Cancers found among the people of a programme, and whether screening found them: derived from Conditions and results.

A Condition counts if its ICD-10 code is the protocol's cancer and it is a diagnosis (``screening.diagnoses``). The
first diagnosis of a person and programme is the case; what screening said before it gives the mode.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from django.db import connection, transaction

from fhir.hooks import Change, on_rebuild, on_saved
from fhir.text import parse
from healthhub.accounts.actors import Actor
from healthhub.postgresql.prepared import execute_prepared
from screening.diagnoses import is_diagnosis
from screening.facts import day_of
from screening.models import CancerCase, CancerMode
from screening.protocol import NEGATIVE, POSITIVE, current, programmes, protocol_for
from screening.protocol.events import add_months

ICD10: Final = (
    "http://hl7.org/fhir/sid/icd-10",
    "http://hl7.org/fhir/sid/icd-10-cm",
    "http://hl7.org/fhir/sid/icd-10-vn",
)
#: A positive result this long before a diagnosis led to it; an older one without assessment was not followed up.
FOLLOWED_MONTHS: Final = 24
_HAVE = "SELECT DISTINCT patient_id FROM screening_cancercase WHERE patient_id = ANY(%s::text[])"
_CONDITIONS = """
SELECT patient, id, content FROM fhir_resource
WHERE type = 'Condition' AND NOT deleted AND patient = ANY(%s::text[]) ORDER BY patient, id
"""
_ALL_PEOPLE = """
SELECT DISTINCT patient FROM fhir_resource WHERE type = 'Condition' AND patient IS NOT NULL AND patient > %s
"""
_RESULTS = """
SELECT r.patient_id, r.programme, r.observation_id, r.collected_on, r.outcome, coalesce(e.outcome, ''),
  coalesce(e.state, ''), e.closed_on
FROM screening_screeningresult r LEFT JOIN screening_episode e ON e.id = r.episode_id
WHERE r.patient_id = ANY(%s::text[]) ORDER BY r.collected_on, r.observation_id
"""
CHUNK = 5000


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A Condition that is a programme's cancer."""

    programme: str
    condition: str
    code: str
    on: date


@dataclass(frozen=True, slots=True)
class Screen:
    """A result before a diagnosis; ``round_outcome`` is that of its round, "" while it is open."""

    id: str
    on: date
    outcome: str
    round_outcome: str


def read_diagnoses(condition: Mapping[str, Any]) -> list[Diagnosis]:
    """The programmes whose cancer the Condition is; empty for anything else, or without a day."""
    day = next(
        (
            found
            for text in (
                condition.get("onsetDateTime"),
                (condition.get("onsetPeriod") or {}).get("start"),
                condition.get("recordedDate"),
            )
            if (found := day_of(text))
        ),
        None,
    )
    if day is None or not is_diagnosis(condition):
        return []
    codes = [
        str(coding.get("code", "")).strip().upper()
        for coding in _codings(condition.get("code"))
        if coding.get("system", ICD10[0]) in ICD10
    ]
    diagnoses = []
    for programme in programmes():
        cancer = current(programme).cancer
        prefixes = tuple(_plain(code) for code in cancer.icd10) if cancer else ()
        match = next((code for code in codes if prefixes and _plain(code).startswith(prefixes)), None)
        if match:
            diagnoses.append(Diagnosis(programme, str(condition["id"]), match[:10], day))
    return diagnoses


def classify(diagnosis: Diagnosis, screens: Sequence[Screen]) -> CancerCase:
    """What screening said before the diagnosis. ``screens`` are the person's results of the programme, oldest first.

    The newest conclusive result before it decides: a positive one found the cancer if the diagnosis came within
    ``FOLLOWED_MONTHS`` (a later negative of the same day does not undo it), a negative one makes it an interval cancer
    while the protocol's interval runs, and a lapsed one after that.
    """
    before = [one for one in screens if one.on <= diagnosis.on and one.outcome in (POSITIVE, NEGATIVE)]
    negative = next((one for one in reversed(before) if one.outcome == NEGATIVE and not _followed(one)), None)
    last = max(before, key=lambda one: (one.on, one.outcome == POSITIVE), default=None)
    months = months_between(negative.on, diagnosis.on) if negative else None
    if last is None:
        mode = CancerMode.NON_PARTICIPANT
    elif last.outcome == POSITIVE or _followed(last):
        recent = diagnosis.on <= add_months(last.on, FOLLOWED_MONTHS)
        mode = CancerMode.SCREEN_DETECTED if recent else CancerMode.NOT_FOLLOWED
    else:
        cancer = protocol_for(diagnosis.programme, diagnosis.on).cancer or current(diagnosis.programme).cancer
        interval = cancer.interval_months if cancer else 0
        mode = CancerMode.INTERVAL if diagnosis.on < add_months(last.on, interval) else CancerMode.LAPSED
    return CancerCase(
        condition_id=diagnosis.condition,
        programme=diagnosis.programme,
        icd10=diagnosis.code,
        diagnosed_on=diagnosis.on,
        mode=mode,
        last_negative=negative.id if negative else "",
        last_negative_on=negative.on if negative else None,
        months_since=months,
    )


def months_between(first: date, last: date) -> int:
    """Completed months from one day to another: 12 on the same day a year later, 11 the day before."""
    months = (last.year - first.year) * 12 + last.month - first.month
    return months if add_months(first, months) <= last else months - 1


@on_saved("Condition")
def take_diagnoses(changes: Sequence[Change], *, actor: Actor) -> None:
    """A diagnosis was saved, changed or taken back."""
    concerned = set()
    for change in changes:
        ours = bool(change.resource and read_diagnoses({**change.resource, "id": change.id}))
        if ours or change.version > 1:
            concerned.add(change.patient)
            before = change.previous
            reference = ((before or {}).get("subject") or {}).get("reference", "")
            concerned.add(reference.removeprefix("Patient/") or None)
    derive_cases(patient for patient in concerned if patient)


@on_saved("Observation", "Procedure", "DiagnosticReport")
def take_results(changes: Sequence[Change], *, actor: Actor) -> None:
    """A result of somebody with a cancer came late or was corrected: what screening said may be different now."""
    people = sorted({change.patient for change in changes if change.patient})
    if people:
        with connection.cursor() as cursor:
            execute_prepared(cursor, _HAVE, [people])
            found = [patient for (patient,) in cursor.fetchall()]
        derive_cases(found)


def derive_cases(patients: Iterable[str]) -> None:
    """Work out the cancer cases of these people anew."""
    people = sorted(set(patients))
    if not people:
        return
    diagnoses: dict[tuple[str, str], Diagnosis] = {}
    screens: dict[tuple[str, str], list[Screen]] = {}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_CONDITIONS, [people])
        for patient, name, content in cursor.fetchall():
            for found in read_diagnoses({**parse(content).resource, "id": name}):
                held = diagnoses.get((patient, found.programme))
                if held is None or (found.on, found.condition) < (held.on, held.condition):
                    diagnoses[patient, found.programme] = found
        cursor.execute(_RESULTS, [people])
        for patient, programme, observation, on, outcome, ended, _state, _closed in cursor.fetchall():
            screens.setdefault((patient, programme), []).append(Screen(observation, on, outcome, ended))
        CancerCase.objects.filter(patient__in=people).delete()
        cases = []
        for (patient, programme), diagnosis in diagnoses.items():
            case = classify(diagnosis, screens.get((patient, programme), []))
            case.patient_id = patient
            cases.append(case)
        CancerCase.objects.bulk_create(cases)


@on_rebuild
def rebuild_cases() -> None:
    """Drop and remake them all."""
    CancerCase.objects.all().delete()
    after = ""
    while True:
        with connection.cursor() as cursor:
            cursor.execute(f"{_ALL_PEOPLE} ORDER BY patient LIMIT {CHUNK}", [after])
            people = [patient for (patient,) in cursor.fetchall()]
        if not people:
            return
        derive_cases(people)
        after = people[-1]


def _followed(screen: Screen) -> bool:
    """A negative part of a round that was assessed (one test of two): the round, not the part, is what counts."""
    return screen.outcome == NEGATIVE and screen.round_outcome == "assessed"


def _plain(code: str) -> str:
    return code.replace(".", "")


def _codings(concept: Any) -> list[Mapping[str, Any]]:
    return concept.get("coding") or [] if isinstance(concept, Mapping) else []
