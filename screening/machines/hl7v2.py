"""Reads the results that an HL7 v2 ORU^R01 message holds.

Pure but for the facility's table of codes and its deliveries of kits. What is taken of a message: PID-3, 5, 7, 8, 13;
OBR-2, 3, 7, 22, 25; SPM-2, 17; OBX-2, 3, 5, 6, 7, 8, 11, 14, 17, 18; INV-1, 16 and NTE after OBX.
"""

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import hl7
import hl7.util
from django.utils import timezone

from records.identifiers import Malformed, parse_cccd, parse_insurance_number, parse_phone
from screening.imports.columns import Column
from screening.machines.codes import NOT_OURS, SYSTEMS, meant_by
from screening.machines.heads import BadMessage, Head
from screening.machines.ranges import cutoff_in, kit_in, usable
from screening.machines.taking import ABNORMAL, CORRECTION, FINAL, UNOBTAINABLE, WITHDRAWN, Result
from screening.results import known_test

# it writes whole fields, with what they say about people, into the log when an escape is wrong
logging.getLogger(hl7.util.logger.name).setLevel(logging.CRITICAL)

_NATIONAL: Final = {"NI", "NNVNM", "NNVN", "CCCD", "CC"}
_INSURANCE: Final = {"HC", "NIIP", "BHYT", "SS"}
_MEASURED: Final = re.compile(r"(<=?|>=?)?\d+([.,]\d+)?")
_NUMBER: Final = re.compile(r"[+-]?\d+([.,]\d+)?")
_FINAL: Final = {"F", "U", ""}
_WITHDRAWN: Final = {"D", "W"}


@dataclass(slots=True)
class Report:
    """The results of a message; ``left_out`` says what it holds besides, which is not taken."""

    results: list[Result] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def read_report(text: str, head: Head, table: Mapping[str, str], *, facility: str) -> Report:
    """The results of an ORU^R01. Raises BadMessage."""
    if head.kind.split("^")[:2] != ["ORU", "R01"]:
        raise BadMessage("AR", f"Only ORU^R01 is taken, not {head.kind or 'nothing'}.", place="MSH^1^9", error="200")
    try:
        message = hl7.parse(text)
    except (hl7.HL7Exception, ValueError, IndexError, KeyError) as error:
        raise BadMessage("AR", f"The message cannot be parsed: {error}.", error="100") from None
    return _Reader(message, head, table, facility).run()


class _Reader:
    """Goes through the segments in order: a result belongs to the patient, order and specimen above it."""

    def __init__(self, message: Any, head: Head, table: Mapping[str, str], facility: str) -> None:
        self.message, self.table, self.facility = message, table, facility
        self.field_mark, self.component, self.repeat, self.escape, self.sub = tuple(head.separators[:5])
        self.report = Report()

    def run(self) -> Report:
        person: dict[Column, str] = {}
        order: Any = None
        for segment, after in self._segments():
            name = str(segment[0])
            if name == "PID":
                person = self._person(segment)
            elif name == "OBR":
                order = segment
                specimen = self._specimen(order, after)
            elif name == "OBX":
                if order is None:
                    raise BadMessage("AE", "OBX stands before the first OBR.", place="OBX^1", error="100")
                self._result(segment, after, person, order, specimen)
        if not self.report.results and not self.report.left_out:
            raise BadMessage("AE", "The message holds no result (OBX).", error="101")
        return self.report

    def _segments(self) -> Iterator[tuple[Any, Sequence[Any]]]:
        segments = list(self.message)
        for place, segment in enumerate(segments):
            yield segment, segments[place + 1 :] if str(segment[0]) in ("OBR", "OBX") else ()

    def _get(self, segment: Any, number: int) -> str:
        return str(segment[number]).strip() if len(segment) > number else ""

    def _parts(self, segment: Any, number: int, *, repetition: int = 0) -> list[str]:
        """The components of a field, unescaped; HL7's "" for "delete this" is nothing."""
        repeated = self._get(segment, number).split(self.repeat)
        text = repeated[repetition] if repetition < len(repeated) else ""
        return [self._plain(part) for part in text.split(self.component)]

    def _part(self, segment: Any, number: int, component: int = 1) -> str:
        parts = self._parts(segment, number)
        return parts[component - 1] if component <= len(parts) else ""

    def _plain(self, text: str) -> str:
        first = text.split(self.sub)[0].strip()
        return "" if first == '""' else str(self.message.unescape(first)) if self.escape in first else first

    def _person(self, segment: Any) -> dict[Column, str]:
        names = [*self._parts(segment, 5), "", "", ""]
        family, given, middle = names[:3]
        sex = {"F": "F", "M": "M"}.get(self._part(segment, 8).upper(), "")
        born = _day(self._part(segment, 7))
        return {
            Column.CITIZEN_ID: self._number(segment),
            Column.FULL_NAME: " ".join(part for part in (family, middle, given) if part),
            Column.BIRTH_DATE: born,
            Column.SEX: sex,
            Column.PHONE: self._phone(segment),
        }

    def _number(self, segment: Any) -> str:
        """A CCCD, else an insurance number; a number of another kind (the sender's own) says nothing to us."""
        insurance = ""
        for repetition in range(len(self._get(segment, 3).split(self.repeat))):
            value, _check, _scheme, authority, kind = [*self._parts(segment, 3, repetition=repetition), *[""] * 5][:5]
            kinds = {kind.upper(), authority.upper()}
            try:
                if kinds & _NATIONAL or (kinds <= {""} and len(value) == 12):
                    return parse_cccd(value).value
                if kinds & _INSURANCE:
                    insurance = insurance or parse_insurance_number(value).value
            except Malformed:
                continue
        return insurance

    def _phone(self, segment: Any) -> str:
        try:
            return parse_phone(self._part(segment, 13)).value
        except Malformed:
            return ""

    def _specimen(self, order: Any, after: Sequence[Any]) -> tuple[str, str]:
        """(specimen id, day of collection) of an order: its SPM says so best, else the filler's or placer's number."""
        name, day = self._part(order, 3) or self._part(order, 2), _day(self._part(order, 7))
        for segment in after:
            kind = str(segment[0])
            if kind in ("OBR", "PID"):
                break
            if kind == "SPM":
                parts = self._parts(segment, 2)
                name = (parts[1] if len(parts) > 1 and parts[1] else parts[0]) or name
                day = _day(self._part(segment, 17)) or day
                break
        return name, day

    def _result(
        self, segment: Any, after: Sequence[Any], person: Mapping[Column, str], order: Any, specimen: tuple[str, str]
    ) -> None:
        number = self._part(segment, 1) or str(len(self.report.results) + 1)
        place = f"OBX^{number}"
        code, name, system, other, _other_name, other_system = [*self._parts(segment, 3), *[""] * 6][:6]
        status = self._part(segment, 11).upper() or self._part(order, 25).upper()
        test = meant_by(code, name, self.table, codings=((system, code), (other_system, other)))
        if test == NOT_OURS:
            self.report.left_out.append(f"{place}: {code} is not a screening test here.")
            return
        if status == "C" or (self._part(order, 25).upper() == "C" and status in _FINAL):
            status = CORRECTION
        elif status in _WITHDRAWN:
            status = WITHDRAWN
        elif status in _FINAL or status == UNOBTAINABLE:
            status = status if status == UNOBTAINABLE else FINAL
        else:
            self.report.left_out.append(f"{place}: status {status} is not final; send it again when it is.")
            return
        notes, reagents = self._beside(after)
        value = self._value(segment, test, place) if status in (FINAL, CORRECTION) else ""
        measured = self._measured(segment, test, value, notes, reagents) if value else {}
        values = {
            **person,
            Column.SPECIMEN_ID: specimen[0],
            Column.COLLECTED_ON: specimen[1] or _day(self._part(segment, 14)),
            Column.RESULT: value,
            Column.UNIT: self._unit(segment),
            Column.RESULTED_ON: _day(self._part(order, 22)),
            Column.NOTE: "\n".join(note for note in notes if note)[:2000],
            **measured,
        }
        abnormal = self._part(segment, 8).upper() in ABNORMAL
        self.report.results.append(Result(values, status, place, code or other or name, test, abnormal))

    def _beside(self, after: Sequence[Any]) -> tuple[list[str], list[str]]:
        """(notes, names and lots of reagents) of a result: its NTE and INV segments."""
        notes: list[str] = []
        reagents: list[str] = []
        for following in after:
            kind = str(following[0])
            if kind == "NTE":
                notes.append(self._part(following, 3))
            elif kind == "INV":
                reagents += [*self._parts(following, 1)[:2], f"lot: {self._part(following, 16)}"]
            else:
                break
        return notes, reagents

    def _measured(
        self, segment: Any, test: str | None, value: str, notes: Sequence[str], reagents: Sequence[str]
    ) -> dict[Column, str]:
        """Kit and cut-off of a number, as far as the machine tells them."""
        rule = known_test(test, timezone.localdate())[1] if test else None
        if rule is None or not rule.units or not _MEASURED.fullmatch(value):
            return {}
        names = [*self._parts(segment, 17)[:2], *self._parts(segment, 18)[:2], *reagents]
        found = {Column.KIT: kit_in(rule, names, [*notes, *reagents], facility=self.facility)}
        if bound := cutoff_in(self._part(segment, 7)):
            found[Column.CUTOFF] = usable(bound, value)
        return found

    def _value(self, segment: Any, test: str | None, place: str) -> str:
        kind = self._part(segment, 2).upper()
        if self.repeat in self._get(segment, 5):
            raise BadMessage("AE", f"{place}-5 repeats; send one OBX for each value.", place=f"{place}^5", error="102")
        parts = [*self._parts(segment, 5), *[""] * 6]
        if kind == "NM":
            if not _NUMBER.fullmatch(parts[0]):
                told = f"{place}-5 is no number (NM): {parts[0]!r:.40}."
                raise BadMessage("AE", told, place=f"{place}^5", error="102")
            return parts[0]
        if kind == "SN":
            comparator, first, separator, second = parts[:4]
            if separator or second or comparator not in ("", "<", ">", "<=", ">=", "="):
                told = f"{place}-5 is a range or ratio (SN), which is no screening result."
                raise BadMessage("AE", told, place=f"{place}^5", error="102")
            return comparator.replace("=", "" if comparator == "=" else "=") + first
        if kind in ("CE", "CWE", "CNE"):
            return _word(parts, test)
        if kind in ("ST", "TX", "FT", "IS"):
            return parts[0]
        told = f"{place}-2: values of type {kind or '(none)'} are not taken; send NM, SN, CE, CWE or ST."
        raise BadMessage("AE", told, place=f"{place}^2", error="102")

    def _unit(self, segment: Any) -> str:
        code, name, *_rest = [*self._parts(segment, 6), "", ""]
        return code or name


def _word(parts: Sequence[str], test: str | None) -> str:
    """The key of the category that a coded value names, else its text or code as sent."""
    if test:
        rule = known_test(test, timezone.localdate())[1]
        sent = {
            (SYSTEMS.get(system, system), code) for code, system in ((parts[0], parts[2]), (parts[3], parts[5])) if code
        }
        for category in rule.categories.values():
            if sent & set(category.codings):
                return category.key
    return parts[1] or parts[0] or parts[4]


def _day(text: str) -> str:
    """yyyy-mm-dd of an HL7 time; as it is if it is none, to be told."""
    if re.fullmatch(r"\d{8}(\d{2,6}(\.\d+)?)?([+-]\d{4})?", text):
        return f"{text[:4]}-{text[4:6]}-{text[6:8]}"
    return text if not text or not text.isdigit() or len(text) > 7 else ""
