"""A few hundred checked rows at a time: who they are about, what is stored already, and one batch for the store."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Final, NamedTuple

from django.db import connection, transaction
from django.utils.translation import gettext as _

from fhir.outcomes import Refused
from fhir.store import Draft, save_many
from fhir.text import parse
from healthhub.accounts.actors import Actor
from records.identifiers import insurance_key
from records.registration import RegistrationError, register_many
from screening.facts import read_fact, specimen_of
from screening.imports.columns import Column
from screening.imports.rows import Problem, Row, in_language
from screening.imports.values import COLUMN_OF
from screening.models import ImportBatch
from screening.protocol import NotInterpretable
from screening.results import build_result

_ROW: Final = re.compile(r"row\[(\d+)\]")
_SEEN = """
WITH given AS (SELECT * FROM unnest(%(keys)s::uuid[], %(contents)s::uuid[], %(rows)s::int[]) AS g(key, content, row)),
added AS (
  INSERT INTO screening_importedrow (batch_id, key, content, row) SELECT %(batch)s, key, content, row FROM given
  ON CONFLICT (batch_id, key) DO NOTHING
)
SELECT g.row, s.row, s.content FROM given g
JOIN screening_importedrow s ON s.batch_id = %(batch)s AND s.key = g.key AND s.row <> g.row
"""
_STORED = """
SELECT r.facility_id, r.specimen_id, r.test, r.observation_id, r.patient_id, r.kit, r.cutoff, r.unit,
  c.cccd, c.insurance_number, o.content
FROM unnest(%s::text[], %s::text[], %s::text[]) AS k(facility, specimen, test)
JOIN screening_screeningresult r ON r.facility_id = k.facility AND r.specimen_id = k.specimen AND r.test = k.test
JOIN fhir_resource o ON o.type = 'Observation' AND o.id = r.observation_id
LEFT JOIN records_citizen c ON c.patient_id = r.patient_id
"""
_WITHDRAWN = """
SELECT DISTINCT o.id, o.content FROM screening_episodeevent e
JOIN fhir_resource o ON o.type = 'Observation' AND o.id = e.source_id AND NOT o.deleted
WHERE e.patient_id = ANY(%s) AND e.kind = 'withdrawn' AND e.source_type = 'Observation'
"""


class Stored(NamedTuple):
    """What is stored under a row's facility, specimen and test."""

    observation_id: str
    patient_id: str
    kit: str
    cutoff: Decimal | None
    unit: str
    numbers: frozenset[str]
    content: str


@dataclass(slots=True)
class Outcome:
    """What became of a chunk; the four lists and ``bad`` hold each row once."""

    new: list[Row] = field(default_factory=list)
    corrected: list[Row] = field(default_factory=list)
    unchanged: list[Row] = field(default_factory=list)
    repeated: list[Row] = field(default_factory=list)
    bad: list[tuple[Row, Problem]] = field(default_factory=list)


def store_rows(rows: Sequence[Row], *, batch: ImportBatch, actor: Actor) -> Outcome:
    """Register the people and save the results of a chunk, within the caller's transaction."""
    outcome = Outcome()
    rows = _without_repeated(rows, batch, outcome)
    stored = _stored(rows)
    rows = [row for row in rows if _is_same_person(row, stored.get(row.held), outcome)]
    patients = _register(rows, outcome, actor=actor)
    withdrawn = _withdrawn({patients[row.number] for row in rows if row.number in patients and row.held not in stored})
    drafts: list[tuple[Row, Draft]] = []
    for row in rows:
        if row.number in patients:
            try:
                draft = _draft(row, patients[row.number], stored.get(row.held), withdrawn.get(row.held))
            except NotInterpretable as fault:  # by the kit and cut-off of the stored result
                outcome.bad.append((row, Problem(COLUMN_OF[fault.field], in_language(fault.text))))
                continue
            if draft is None:
                outcome.unchanged.append(row)
            else:
                drafts.append((row, draft))
    for row, problem in _save(drafts, actor=actor):
        outcome.bad.append((row, problem))
    refused = {row.number for row, _problem in outcome.bad}
    kept = [row for row, _made in drafts if row.number not in refused]
    outcome.new += [row for row in kept if row.held not in stored]
    outcome.corrected += [row for row in kept if row.held in stored]
    _forget(batch, [row for row, _problem in outcome.bad])
    return outcome


def _without_repeated(rows: Sequence[Row], batch: ImportBatch, outcome: Outcome) -> list[Row]:
    """The rows whose facility, specimen and test stand nowhere further up in the file."""
    first: dict[Any, tuple[int, Any]] = {}
    alone: list[Row] = []
    for row in rows:
        number, content = first.setdefault(row.key, (row.number, row.content))
        if number == row.number:
            alone.append(row)
        else:
            _repeated(row, number, content, outcome)
    above: dict[int, tuple[int, Any]] = {}
    if alone:
        with connection.cursor() as cursor:
            cursor.execute(
                _SEEN,
                {
                    "keys": [str(row.key) for row in alone],
                    "contents": [str(row.content) for row in alone],
                    "rows": [row.number for row in alone],
                    "batch": batch.pk,
                },
            )
            above = {here: (there, content) for here, there, content in cursor.fetchall()}
    for row in alone:
        if row.number in above:
            _repeated(row, *above[row.number], outcome)
    return [row for row in alone if row.number not in above]


def _repeated(row: Row, number: int, content: Any, outcome: Outcome) -> None:
    if str(content) == str(row.content):
        outcome.repeated.append(row)
        return
    reason = _("Dòng {number} trong tệp này đã ghi mẫu và xét nghiệm này với nội dung khác.").format(number=number)
    outcome.bad.append((row, Problem(Column.SPECIMEN_ID, reason)))


def _stored(rows: Iterable[Row]) -> dict[tuple[str, str, str], Stored]:
    keys = [row.held for row in rows]
    if not keys:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_STORED, [list(column) for column in zip(*keys, strict=True)])
        return {
            (facility, specimen, test): Stored(
                id_, patient, kit, cutoff, unit, frozenset({cccd or "", insurance_key(bhyt or "")} - {""}), text
            )
            for facility, specimen, test, id_, patient, kit, cutoff, unit, cccd, bhyt, text in cursor.fetchall()
        }


def _is_same_person(row: Row, stored: Stored | None, outcome: Outcome) -> bool:
    """A specimen never changes hands by a file: that would move somebody's result into another's record."""
    if stored is None or {row.identity.cccd, insurance_key(row.identity.insurance_number)} & stored.numbers:
        return True
    reason = _("Mẫu này đã có kết quả của một người khác. Hãy kiểm tra mã mẫu và số định danh.")
    outcome.bad.append((row, Problem(Column.CITIZEN_ID, reason)))
    return False


def _register(rows: Sequence[Row], outcome: Outcome, *, actor: Actor) -> dict[int, str]:
    """Patient ids by row number; those that cannot be registered go to the bad rows."""
    patients: dict[int, str] = {}
    if not rows:
        return patients
    answers = register_many([row.registration() for row in rows], actor=actor)
    for row, answer in zip(rows, answers, strict=True):
        if isinstance(answer, RegistrationError):
            outcome.bad.append((row, Problem(COLUMN_OF.get(answer.field), str(answer.message))))
        else:
            patients[row.number] = answer
    return patients


def _withdrawn(patients: set[str]) -> dict[tuple[str, str, str], str]:
    """Results of these people that were entered in error, by facility, specimen and test."""
    if not patients:
        return {}
    found: dict[tuple[str, str, str], str] = {}
    with connection.cursor() as cursor:
        cursor.execute(_WITHDRAWN, [sorted(patients)])
        for _id, content in cursor.fetchall():
            resource = parse(content).resource
            fact = read_fact({**resource, "status": "final"}, facility=None)
            if resource["status"] == "entered-in-error" and fact and fact.result and fact.result["facility_id"]:
                found[fact.result["facility_id"], specimen_of(resource)[1], fact.result["test"]] = content
    return found


def _draft(row: Row, patient_id: str, stored: Stored | None, withdrawn: str | None) -> Draft | None:
    """The Observation to write; None if what is stored says the same (also if it was taken back since)."""
    fields: dict[str, Any] = {
        "patient_id": patient_id,
        "facility": row.facility,
        "test": row.test,
        "value": row.result,
        "unit": row.unit,
        "collected_on": row.collected_on,
        "resulted_on": row.resulted_on,
        "specimen_id": row.specimen_id,
        "note": row.note,
    }
    if stored is None:
        resource = build_result(**fields)
        if withdrawn is not None and _says_the_same(resource, parse(withdrawn).resource):
            return None
    else:
        previous = parse(stored.content).resource
        fields["patient_id"] = stored.patient_id
        if stored.kit:
            fields["kit"] = stored.kit
        resource = build_result(**fields)
        if (
            stored.cutoff is not None
            and "valueQuantity" in resource
            and resource["valueQuantity"]["code"] == stored.unit
        ):
            fields |= {"cutoff": stored.cutoff.normalize() + 0, "cutoff_unit": stored.unit}
            resource = build_result(**fields)
        if _says_the_same(resource, previous):
            return None
        resource = build_result(**fields, previous=previous)
    draft = Draft.of(resource, facility=row.facility.organization_id)
    draft.expression = f"row[{row.number}]"
    return draft


def _says_the_same(told: Mapping[str, Any], stored: Mapping[str, Any]) -> bool:
    """Whether a stored result says what a row tells; what a row leaves out is no difference."""
    new = read_fact(told, facility=None)
    old = read_fact({**stored, "status": "final"}, facility=None)
    if not (new and old and new.result and old.result):
        return False
    names = ["category", "value", "comparator", "unit", "collected_on"]
    if isinstance(new.result["resulted_on"], date):
        names.append("resulted_on")
    if any(new.result[name] != old.result[name] for name in names):
        return False
    return "note" not in told or told["note"][0]["text"] in [note.get("text") for note in stored.get("note") or ()]


def _save(drafts: Sequence[tuple[Row, Draft]], *, actor: Actor) -> list[tuple[Row, Problem]]:
    """Save what the store takes. Rows that it names as faulty are left out; if it names none, halves are tried."""
    bad: list[tuple[Row, Problem]] = []
    rest = list(drafts)
    while rest:
        try:
            with transaction.atomic():
                save_many([draft for _row, draft in rest], actor=actor)
            return bad
        except Refused as refused:
            faults = _faults(refused)
            named = [row for row, _draft in rest if row.number in faults]
            if not named and len(rest) > 1:
                middle = len(rest) // 2
                return bad + _save(rest[:middle], actor=actor) + _save(rest[middle:], actor=actor)
            for row in named or [rest[0][0]]:
                text = faults.get(row.number) or str(refused)
                reason = _("Hệ thống không nhận kết quả này: {reason}").format(reason=text)
                bad.append((row, Problem(None, reason)))
            dropped = {row.number for row, _problem in bad}
            rest = [pair for pair in rest if pair[0].number not in dropped]
    return bad


def _faults(refused: Refused) -> dict[int, str]:
    faults: dict[int, str] = {}
    for issue in refused.issues:
        if (found := _ROW.match(issue.expression)) and issue.severity in ("error", "fatal"):
            number = int(found[1])
            faults[number] = "; ".join(filter(None, [faults.get(number), issue.diagnostics]))
    return faults


def _forget(batch: ImportBatch, rows: Sequence[Row]) -> None:
    """A refused row does not stand in the way of a right one further down."""
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(
                "DELETE FROM screening_importedrow WHERE batch_id = %s AND row = ANY(%s)",
                [batch.pk, [row.number for row in rows]],
            )
