"""A chunk of approved rows on its way into the store: checked anew, people registered, results saved, the rest parked.

Between review and approval the world may have changed, so nothing of what the review said is taken on trust.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson
from django.db import transaction
from django.utils.translation import gettext as _

from fhir.outcomes import Refused
from fhir.store import Draft, Saved, save_many
from fhir.validation.alike import are_sound
from healthhub.accounts.actors import Actor
from records.models import Facility
from records.registration import Registered, RegistrationError, register_many
from screening.imports.checking import check_row
from screening.imports.columns import Column, Header
from screening.imports.people import Found, conflict
from screening.imports.reading import SourceRow
from screening.imports.rows import Problem, Row, Rules
from screening.imports.staging import another_person, cannot_be_read, is_same_person, put_aside, refuse_row
from screening.imports.stored import Stored, draft_of, find_stored, find_withdrawn, resource_of
from screening.imports.values import COLUMN_OF
from screening.laboratory.matching import Parking, park_results
from screening.models import RowKind, RowState, StagedRow
from screening.protocol import NotInterpretable

_ROW: Final = re.compile(r"row\[(\d+)\]")
_CONFLICTS: Final = frozenset({"birth-date-conflict", "name-conflict", "two-people"})
ASIDE: Final = (RowKind.CLOSE, RowKind.NOBODY)
SOURCES: Final = {"table": "file", "xml4": "xml4", "astm": "astm", "hl7": "hl7v2"}

#: Columns as the matching queue names them.
FIELDS: Final = {
    Column.FULL_NAME: "full_name",
    Column.BIRTH_DATE: "birth_date",
    Column.SEX: "sex",
    Column.PHONE: "phone",
    Column.SPECIMEN_ID: "specimen_id",
    Column.TEST: "test",
    Column.COLLECTED_ON: "collected_on",
    Column.RESULT: "value",
    Column.UNIT: "unit",
    Column.RESULTED_ON: "resulted_on",
    Column.NOTE: "note",
    Column.KIT: "kit",
    Column.CUTOFF: "cutoff",
    Column.DENSITY: "density",
}
_REASONS: Final = {  # the first that a wrong row has tells the queue why
    Column.TEST: "test_unknown",
    Column.RESULT: "value_unreadable",
    Column.UNIT: "value_unreadable",
    Column.KIT: "value_unreadable",
    Column.CUTOFF: "value_unreadable",
    Column.CITIZEN_ID: "person_differs",
}

Pair = tuple[Row, StagedRow]


def store_rows(staged: Sequence[StagedRow], header: Header, rules: Rules, *, form: str, actor: Actor) -> None:
    """Store a chunk within the caller's transaction. Each row then says what became of it (the caller saves it)."""
    pairs: list[Pair] = []
    for one in staged:
        source = SourceRow(one.row, one.texts, one.texts)
        checked = check_row(source, header.values(one.texts), rules)
        if isinstance(checked, Row):
            pairs.append((checked, one))
        else:  # a facility or a protocol has changed since it was read
            refuse_row(one, checked)
    store_pairs(pairs, actor=actor)
    park_rows([pair for pair in pairs if pair[1].kind in ASIDE], header, form=form, actor=actor)


def store_pairs(pairs: Sequence[Pair], *, actor: Actor) -> None:
    """Register the people and save the results of the rows whose person is certain; the others' kind says why not."""
    stored = find_stored(row for row, _one in pairs)
    wanted = [pair for pair in pairs if pair[1].kind not in ASIDE or pair[1].decision.startswith("person:")]
    people = _people(wanted, stored, actor=actor)
    withdrawn = find_withdrawn(person.patient_id for person in people.values())
    drafts: list[tuple[Row, StagedRow, Draft]] = []
    for row, one in wanted:
        if row.number not in people:
            continue
        there, (one.patient, is_new) = stored.get(row.held), people[row.number]
        try:
            resource = resource_of(row, one.patient, there, withdrawn.get(row.held))
        except NotInterpretable as fault:  # by the kit and cut-off of the stored result
            refuse_row(one, [cannot_be_read(fault)])
            continue
        first = RowKind.NEW if is_new else RowKind.MATCHED
        one.kind = RowKind.UNCHANGED if resource is None else RowKind.CORRECTION if there else first
        if resource is not None:
            drafts.append((row, one, draft_of(row, resource)))
    _save(drafts, actor=actor)


def park_rows(pairs: Sequence[Pair], header: Header, *, form: str, actor: Actor) -> None:
    """Put rows whose person nobody has chosen into the matching queue."""
    parkings = [
        Parking(
            payload=_payload(header, one),
            fields=row.parked(),
            reason=one.problems[0][2] if one.problems and len(one.problems[0]) > 2 else "person_unknown",
            source=SOURCES[form],
            facility=row.facility,
        )
        for row, one in pairs
    ]
    _park([one for _row, one in pairs], parkings, actor=actor)


def park_wrong(rows: Sequence[StagedRow], header: Header, rules: Rules, *, form: str, actor: Actor) -> None:
    """Put rows that could not be read into the matching queue of the facility that sent them, as they came."""
    facility = Facility.objects.get(pk=rules.own)
    parkings = []
    for one in rows:
        wrong = {column for column, *_rest in one.problems}
        coded = next((code for _column, _reason, *codes in one.problems for code in codes), "")
        parkings.append(
            Parking(
                payload=_payload(header, one),
                fields=raw_fields(header.values(one.texts)) | ({"test": one.test} if one.test else {}),
                reason=coded or next((reason for column, reason in _REASONS.items() if column in wrong), "other"),
                source=SOURCES[form],
                facility=facility,
            )
        )
    _park(rows, parkings, actor=actor)


def _park(rows: Sequence[StagedRow], parkings: Sequence[Parking], *, actor: Actor) -> None:
    if rows:
        for one, parked in zip(rows, park_results(parkings, actor=actor), strict=True):
            one.state, one.observation = RowState.PARKED, f"parked:{parked.pk}"


def raw_fields(values: Mapping[Column, Any]) -> dict[str, Any]:
    """Cells as they came, by the names of ``laboratory.matching.FIELDS``."""
    found = {name: str(values.get(column, "") or "") for column, name in FIELDS.items()}
    number = re.sub(r"[\s.\-]", "", str(values.get(Column.CITIZEN_ID, "") or ""))
    return found | {"cccd" if len(number) == 12 else "insurance_number": number}


def _payload(header: Header, one: StagedRow) -> str:
    told = {text or str(place): cell for place, (text, cell) in enumerate(zip(header.texts, one.texts, strict=False))}
    return orjson.dumps(told).decode()


def _people(pairs: Sequence[Pair], stored: dict[Any, Stored], *, actor: Actor) -> dict[int, Registered]:
    """People by row number: as decided, as the stored result says, else by registering."""
    people: dict[int, Registered] = {}
    rest: list[Pair] = []
    for row, one in pairs:
        there = stored.get(row.held)
        if one.decision.startswith("person:"):
            chosen = one.decision.removeprefix("person:")
            if there and there.patient_id != chosen:
                refuse_row(one, [Problem(Column.CITIZEN_ID, another_person())])
            else:
                people[row.number] = Registered(chosen, new=False)
        elif there and not is_same_person(row, there):
            refuse_row(one, [Problem(Column.CITIZEN_ID, another_person())])
        elif row.names_person:
            rest.append((row, one))
        elif there or one.patient:
            people[row.number] = Registered(there.patient_id if there else one.patient, new=False)
        else:
            put_aside(one, Found(RowKind.NOBODY, column=Column.CITIZEN_ID))
    answers = register_many([row.registration() for row, _one in rest], actor=actor) if rest else []
    for (row, one), answer in zip(rest, answers, strict=True):
        if not isinstance(answer, RegistrationError):
            people[row.number] = answer
        elif answer.code in _CONFLICTS:
            put_aside(one, conflict(row, answer.code))
        else:
            refuse_row(one, [Problem(COLUMN_OF.get(answer.field), str(answer.message))])
    return people


def _save(drafts: Sequence[tuple[Row, StagedRow, Draft]], *, actor: Actor) -> None:
    """Save what the store takes. Rows that it names as faulty are left out; if it names none, halves are tried."""
    rest = list(drafts)
    while rest:
        try:
            sound = are_sound(draft.resource for *_who, draft in rest)
            with transaction.atomic():
                answers = save_many([draft for *_who, draft in rest], actor=actor, checked=sound)
        except Refused as refused:
            faults = _faults(refused)
            named = [triple for triple in rest if triple[0].number in faults]
            if not named and len(rest) > 1:
                middle = len(rest) // 2
                _save(rest[:middle], actor=actor)
                _save(rest[middle:], actor=actor)
                return
            for row, one, _draft in named or rest[:1]:
                text = faults.get(row.number) or str(refused)
                refuse_row(one, [Problem(None, _("Hệ thống không nhận kết quả này: {reason}").format(reason=text))])
            dropped = {row.number for row, *_what in named or rest[:1]}
            rest = [triple for triple in rest if triple[0].number not in dropped]
        else:
            for (_row, one, _draft), saved in zip(rest, answers, strict=True):
                note_stored(one, saved)
            return


def note_stored(one: StagedRow, saved: Saved) -> None:
    """Remember what storing made of a row: undoing needs the version."""
    one.state, one.observation, one.version, one.problems = RowState.STORED, saved.id, saved.version, []


def _faults(refused: Refused) -> dict[int, str]:
    faults: dict[int, str] = {}
    for issue in refused.issues:
        if (found := _ROW.match(issue.expression)) and issue.severity in ("error", "fatal"):
            number = int(found[1])
            faults[number] = "; ".join(filter(None, [faults.get(number), issue.diagnostics]))
    return faults
