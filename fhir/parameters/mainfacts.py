"""Which parameters of a type answer "who, what, when": the columns ``patient``, ``code``, ``starts`` and ``ends``."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from fhir.definitions import patient_compartment
from fhir.parameters.catalogue import SearchParameter, parameters_for
from fhir.parameters.expressions import Path

#: Of several parameters that link a type to a patient, the one that says whom the resource is about comes first.
_ABOUT = ("patient", "subject", "beneficiary", "individual")
#: The parameter of the main code, where it is not ``code``.
_CODE = {
    "CarePlan": "category",
    "Composition": "type",
    "Consent": "category",
    "DocumentManifest": "type",
    "DocumentReference": "type",
    "Encounter": "type",
    "EpisodeOfCare": "type",
    "Immunization": "vaccine-code",
    "Media": "type",
    "Organization": "type",
    "RiskAssessment": "method",
    "Specimen": "type",
}
#: The parameter of the main clinical date, where it is not ``date``.
_DATE = {
    "AdverseEvent": "date",
    "Communication": "sent",
    "CommunicationRequest": "occurrence",
    "Condition": "onset-date",
    "Device": "manufacture-date",
    "DeviceRequest": "event-date",
    "DocumentManifest": "created",
    "Goal": "start-date",
    "ImagingStudy": "started",
    "Media": "created",
    "MedicationAdministration": "effective-time",
    "MedicationDispense": "whenhandedover",
    "MedicationRequest": "authoredon",
    "MedicationStatement": "effective",
    "MessageHeader": "",
    "NutritionOrder": "datetime",
    "Patient": "birthdate",
    "Person": "birthdate",
    "Provenance": "recorded",
    "QuestionnaireResponse": "authored",
    "RelatedPerson": "birthdate",
    "RequestGroup": "authored",
    "ServiceRequest": "occurrence",
    "Specimen": "collected",
    "Task": "period",
    "VisionPrescription": "datewritten",
}


@dataclass(frozen=True, slots=True)
class MainFacts:
    """The paths behind a type's columns.

    ``patient`` are the compartment's references, whom it is about first; ``about`` is how many of them belong to that
    first parameter. ``code`` is one path or None; ``dates`` the members of one date element.
    """

    patient: tuple[Path, ...]
    about: int
    code: Path | None
    dates: tuple[Path, ...]

    @property
    def patient_is_exact(self) -> bool:
        """Whether the column holds every patient that the first parameter names."""
        return self.about == 1 and self.patient[0].single

    @property
    def about_alone(self) -> bool:
        """Whether nothing but the first parameter fills the column."""
        return len(self.patient) == self.about


@cache
def main_facts(resource_type: str) -> MainFacts:
    """The main facts of a type that is stored."""
    parameters = parameters_for(resource_type)
    patient, about = _patient(resource_type, parameters)
    code = parameters.get(_CODE.get(resource_type, "code"))
    return MainFacts(patient, about, _coded(code), _dates(parameters.get(_DATE.get(resource_type, "date"))))


def _patient(resource_type: str, parameters: Mapping[str, SearchParameter]) -> tuple[tuple[Path, ...], int]:
    if resource_type == "Patient":
        return (), 0
    # A type outside HL7's compartment (Task, Device …) is still about the patient whom it names as such.
    names = patient_compartment().get(resource_type) or [name for name in _ABOUT if name in parameters]
    ordered = sorted(names, key=lambda name: _ABOUT.index(name) if name in _ABOUT else len(_ABOUT))
    found: dict[str, Path] = {}
    about = 0
    for name in ordered:
        for path in parameters[name].paths if name in parameters else ():
            if path.kind == "Reference":
                found.setdefault(path.key, path)
        about = about or len(found)
    return tuple(found.values()), about


def _coded(parameter: SearchParameter | None) -> Path | None:
    for path in parameter.paths if parameter and parameter.type == "token" else ():
        if path.kind == "CodeableConcept":
            return path
    return None


def _dates(parameter: SearchParameter | None) -> tuple[Path, ...]:
    if parameter is None or parameter.type != "date" or not all(path.single for path in parameter.paths):
        return ()
    elements = {path.steps[:-1] for path in parameter.paths}
    return parameter.paths if len(elements) == 1 else ()
