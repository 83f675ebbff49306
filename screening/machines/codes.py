"""Which test a machine's code means: by the facility's own table, by a standard code, by its name."""

from collections.abc import Iterable, Mapping

from screening.models import CodeMapping
from screening.protocol import find_test, named_test

SYSTEMS = {"LN": "http://loinc.org", "SCT": "http://snomed.info/sct", "SNM": "http://snomed.info/sct"}
NOT_OURS = "-"


def table_of(facility: str | None, system: str) -> dict[str, str]:
    """The facility's table: code -> test, "" for none of ours."""
    known = CodeMapping.objects.filter(facility=facility, system=system) if facility else CodeMapping.objects.none()
    return dict(known.values_list("code", "test"))


def meant_by(code: str, name: str, table: Mapping[str, str], *, codings: Iterable[tuple[str, str]] = ()) -> str | None:
    """The key of the test; NOT_OURS if the facility has said that it is none; None if nobody knows.

    ``codings`` are (system, code), by HL7's names of systems or by address.
    """
    if code in table:
        return table[code] or NOT_OURS
    found = find_test([{"system": SYSTEMS.get(system, system), "code": value} for system, value in codings])
    if found:
        return found.test
    for text in (code, name):
        if text and (named := named_test(text)):
            return named[1]
    return None
