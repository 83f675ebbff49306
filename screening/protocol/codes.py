"""The code systems that protocols name, and how the files write a code."""

from typing import Final

from django.conf import settings

from screening.protocol.shapes import Coding

LOINC: Final = "http://loinc.org"
SNOMED: Final = "http://snomed.info/sct"
UCUM: Final = "http://unitsofmeasure.org"
ICD10: Final = "http://hl7.org/fhir/sid/icd-10"


def coding_of(text: str) -> Coding:
    """``loinc|27396-1`` as (system, code)."""
    system, _, code = text.partition("|")
    systems = {"loinc": LOINC, "snomed": SNOMED, "icd10": ICD10, "local": settings.FHIR_SYSTEMS["screening"]}
    return systems[system], code
