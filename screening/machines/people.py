"""Whose data a machine's message holds: for the access log, which must name everybody whom its reader has seen."""

import re
from collections.abc import Sequence
from typing import Final

from records.identifiers import Malformed, parse_cccd, parse_insurance_number
from records.models import Citizen
from records.models.citizens import carrying
from screening.models import ScreeningResult, Specimen

_PERSON: Final = re.compile(r"(?:PID|P)\W")
_TUBE: Final = re.compile(r"(?:OBR|SPM|O)\W")


def people_in(lines: Sequence[str], *, facility: str) -> list[str]:
    """The people whom we know under a number or a tube of these lines of HL7 or ASTM; three statements at most.

    Found when it is read and not when it came: a result that waited in the queue has become somebody's meanwhile.
    """
    marks = re.escape("|^~\\&" + "".join(re.findall(r"[^\w\s]", lines[0][:8] if lines else "")))
    told: dict[bool, set[str]] = {True: set(), False: set()}
    for line in lines:
        if kind := _PERSON.match(line) or _TUBE.match(line):
            ids = kind[0][-1].join(line.split(kind[0][-1])[:5])  # the fields of ids: a telephone looks like a card
            told[bool(_TUBE.match(line))] |= {part.strip() for part in re.split(f"[{marks}]", ids)}
    tubes = {part for part in told[True] if part}
    found: set[str] = set()
    if numbers := [number for part in told[False] for number in _numbers(part)]:
        found |= set(Citizen.objects.filter(carrying(numbers)).values_list("pk", flat=True))
    if tubes:
        results = ScreeningResult.objects.filter(facility=facility, specimen_id__in=tubes)
        found |= set(results.values_list("patient_id", flat=True))
        known = Specimen.objects.filter(facility=facility, barcode__in=tubes)
        found |= set(known.values_list("patient_id", flat=True))
    return sorted(found)


def _numbers(text: str) -> list[str]:
    found = []
    for parse in (parse_cccd, parse_insurance_number):
        try:
            found.append(parse(text).value)
        except Malformed:
            continue
    return found
