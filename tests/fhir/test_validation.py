"""Bad input gets every problem at once, each with its place and a sentence that says what was expected and found."""

from decimal import Decimal
from typing import Any
from uuid import uuid1

import pytest

from fhir.outcomes import Issue
from fhir.validation import library, validate

Json = dict[str, Any]
EXTENSION: Json = {"url": "http://example.org/why", "valueCode": "unknown"}
CONDITION_CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"


def patient(**members: Any) -> Json:
    return {"resourceType": "Patient", **members}


def observation(**members: Any) -> Json:
    return {"resourceType": "Observation", "status": "final", "code": {"text": "FIT"}, **members}


def condition(clinical: str, **members: Any) -> Json:
    status = {"coding": [{"system": CONDITION_CLINICAL, "code": clinical}]}
    return {"resourceType": "Condition", "subject": {"reference": "Patient/1"}, "clinicalStatus": status, **members}


def said(resource: Json) -> list[tuple[str, str]]:
    return [(issue.code, issue.expression) for issue in validate(resource)]


GOOD: dict[str, Json] = {
    "nothing but a type": patient(),
    "partial dates": patient(birthDate="1970", deceasedDateTime="2024-02"),
    "29 February": patient(birthDate="2024-02-29"),
    "a leap second": observation(issued="2016-12-31T23:59:60Z"),
    "an offset": observation(effectiveDateTime="2024-02-29T23:59:59.123456789+07:00"),
    "exact decimals": observation(valueQuantity={"value": Decimal("12.500")}),
    "a whole decimal": observation(valueQuantity={"value": 12}),
    "an exponent": observation(valueQuantity={"value": Decimal("1E-20")}),
    "Vietnamese": patient(name=[{"text": "Nguyễn Văn Đức"}]),
    "an extension in place of a required value": {
        "resourceType": "Observation",
        "_status": {"extension": [EXTENSION]},
        "code": {"text": "FIT"},
    },
    "padded arrays": patient(name=[{"given": ["Văn", None], "_given": [None, {"extension": [EXTENSION]}]}]),
    "UUIDs of any version": patient(extension=[{"url": "http://x", "valueUuid": f"urn:uuid:{uuid1()}"}]),
    "extensions only": patient(name=[{"_given": [{"extension": [EXTENSION]}]}]),
    "an extension of R4 that R4B lacks": patient(extension=[{"url": "http://x", "valueMeta": {"source": "http://y"}}]),
    "a contained resource": observation(
        contained=[{"resourceType": "Patient", "id": "p", "link": [{"other": {"reference": "#"}, "type": "refer"}]}],
        subject={"reference": "#p"},
    ),
    "an absolute reference": observation(subject={"reference": "https://clinic.example/fhir/Patient/1"}),
    "a versioned reference": observation(subject={"reference": "Patient/1/_history/2"}),
    "a urn": observation(subject={"reference": "urn:uuid:c757873d-ec9a-4326-a141-556f43239520"}),
    "a reference by identifier": observation(subject={"identifier": {"value": "001"}, "display": "Đức"}),
    "a required code under text": condition("active", code={"text": "polyp"}),
    "a mime type": patient(photo=[{"contentType": "image/png", "data": "aGVs\nbG8="}]),
    "nested questions": {
        "resourceType": "Questionnaire",
        "status": "draft",
        "item": [{"linkId": "1", "type": "group", "item": [{"linkId": "1.1", "type": "display", "text": "x"}]}],
    },
    "an R4 element that R4B reshaped": {
        "resourceType": "EvidenceVariable",
        "status": "draft",
        "type": "continuous",
        "characteristic": [{"definitionCodeableConcept": {"text": "x"}}],
    },
}


@pytest.mark.parametrize("name", GOOD)
def test_good_resources_pass(name: str) -> None:
    assert validate(GOOD[name]) == []


BAD: dict[str, tuple[Json, list[tuple[str, str]]]] = {
    # types
    "no type": ({}, [("structure", "resourceType")]),
    "a type that is no string": ({"resourceType": 3}, [("structure", "resourceType")]),
    "an unknown type": ({"resourceType": "Pateint"}, [("not-supported", "resourceType")]),
    "an abstract type": ({"resourceType": "DomainResource"}, [("not-supported", "resourceType")]),
    "a datatype": ({"resourceType": "HumanName"}, [("not-supported", "resourceType")]),
    "a type of R4B": ({"resourceType": "NutritionProduct"}, [("not-supported", "resourceType")]),
    "a type of R5": ({"resourceType": "ActorDefinition"}, [("not-supported", "resourceType")]),
    # elements
    "an unknown element": (patient(foo=1), [("structure", "Patient.foo")]),
    "an element of R4B": (
        {"resourceType": "PlanDefinition", "status": "draft", "subjectCanonical": "http://x"},
        [("structure", "PlanDefinition.subjectCanonical")],
    ),
    "an unknown element inside": (
        patient(name=[{"family": "A"}, {"famly": "B"}]),
        [("structure", "Patient.name[1].famly")],
    ),
    "comments": (patient(fhir_comments=["x"]), [("structure", "Patient.fhir_comments")]),
    "missing elements": (
        {"resourceType": "Observation"},
        [("required", "Observation.status"), ("required", "Observation.code")],
    ),
    "a missing choice": (
        {"resourceType": "Immunization", "status": "completed", "vaccineCode": {"text": "x"}}
        | {"patient": {"reference": "Patient/1"}},
        [("required", "Immunization.occurrence")],
    ),
    "two of a choice": (observation(valueString="a", valueInteger=3), [("structure", "Observation.value")]),
    "an array for one": (patient(gender=["male"]), [("structure", "Patient.gender")]),
    "one for an array": (patient(name={"family": "A"}), [("structure", "Patient.name")]),
    "an empty array": (patient(name=[]), [("structure", "Patient.name")]),
    "an empty object": (patient(name=[{}]), [("structure", "Patient.name[0]")]),
    "an empty string": (patient(name=[{"given": ["A", ""]}]), [("structure", "Patient.name[0].given[1]")]),
    "a blank string": (patient(name=[{"family": "  "}]), [("value", "Patient.name[0].family")]),
    "null": (patient(gender=None), [("structure", "Patient.gender")]),
    "null in an array": (patient(name=[None]), [("structure", "Patient.name[0]")]),
    "null without its sibling": (patient(name=[{"given": [None]}]), [("structure", "Patient.name[0].given[0]")]),
    "siblings out of step": (
        patient(name=[{"given": ["A"], "_given": [None, {"extension": [EXTENSION]}]}]),
        [("structure", "Patient.name[0].given")],
    ),
    "a sibling of a complex element": (patient(_name=[{"id": "a"}]), [("structure", "Patient._name")]),
    # JSON kinds: nothing is coerced
    "a string for true": (patient(active="true"), [("structure", "Patient.active")]),
    "1 for true": (patient(active=1), [("structure", "Patient.active")]),
    "a string for an integer": (patient(multipleBirthInteger="3"), [("structure", "Patient.multipleBirthInteger")]),
    "3.0 for an integer": (
        patient(multipleBirthInteger=Decimal("3.0")),
        [("structure", "Patient.multipleBirthInteger")],
    ),
    "true for an integer": (patient(multipleBirthInteger=True), [("structure", "Patient.multipleBirthInteger")]),
    "an integer beyond 32 bits": (patient(multipleBirthInteger=2**31), [("value", "Patient.multipleBirthInteger")]),
    "a string for a decimal": (
        observation(valueQuantity={"value": "3"}),
        [("structure", "Observation.valueQuantity.value")],
    ),
    "an absurd decimal": (
        observation(valueQuantity={"value": Decimal("1E+999")}),
        [("value", "Observation.valueQuantity.value")],
    ),
    "a number for a string": (patient(name=[{"family": 3}]), [("structure", "Patient.name[0].family")]),
    "a number for a date": (patient(birthDate=1970), [("structure", "Patient.birthDate")]),
    "a string for an object": (observation(subject="Patient/1"), [("structure", "Observation.subject")]),
    "zero for a positive integer": (
        patient(telecom=[{"system": "phone", "value": "1", "rank": 0}]),
        [("value", "Patient.telecom[0].rank")],
    ),
    # forms
    "an id with an underscore": (patient(id="a_b"), [("value", "Patient.id")]),
    "an id of 65 characters": (patient(id="a" * 65), [("value", "Patient.id")]),
    "a month 13": (patient(birthDate="2024-13-40"), [("value", "Patient.birthDate")]),
    "30 February": (patient(birthDate="2024-02-30"), [("value", "Patient.birthDate")]),
    "29 February of a common year": (patient(birthDate="2023-02-29"), [("value", "Patient.birthDate")]),
    "a Vietnamese date": (patient(birthDate="01/02/1970"), [("value", "Patient.birthDate")]),
    "a time without a zone": (
        observation(effectiveDateTime="2024-01-01T10:00:00"),
        [("value", "Observation.effectiveDateTime")],
    ),
    "a day for an instant": (observation(issued="2024-01-01"), [("value", "Observation.issued")]),
    "a uri with a space": (
        patient(identifier=[{"system": "http://a b", "value": "1"}]),
        [("value", "Patient.identifier[0].system")],
    ),
    "a code with spaces around": (
        patient(communication=[{"language": {"coding": [{"code": " vi"}]}}]),
        [("value", "Patient.communication[0].language.coding[0].code")],
    ),
    "no base64": (
        patient(photo=[{"contentType": "image/png", "data": "a b!"}]),
        [("value", "Patient.photo[0].data")],
    ),
    "a control character": (patient(name=[{"family": "A\x00"}]), [("value", "Patient.name[0].family")]),
    "half a character": (patient(name=[{"family": "A\ud800"}]), [("value", "Patient.name[0].family")]),
    "a string too long": (patient(name=[{"family": "A" * 1048577}]), [("too-long", "Patient.name[0].family")]),
    # codes
    "a wrong gender": (patient(gender="zzz"), [("code-invalid", "Patient.gender")]),
    "a wrong status": (observation(status="nope"), [("code-invalid", "Observation.status")]),
    "a code in other letters": (patient(gender="Male"), [("code-invalid", "Patient.gender")]),
    "a wrong code in an extension's contact": (
        patient(extension=[{"url": "http://x", "valueContactPoint": {"system": "pigeon", "value": "1"}}]),
        [("code-invalid", "Patient.extension[0].valueContactPoint.system")],
    ),
    "a wrong required concept": (condition("nope"), [("code-invalid", "Condition.clinicalStatus.coding")]),
    # references
    "a reference to no type": (
        observation(subject={"reference": "Foo/1"}),
        [("value", "Observation.subject.reference")],
    ),
    "a reference in lower case": (
        observation(subject={"reference": "patient/1"}),
        [("value", "Observation.subject.reference")],
    ),
    "a bare id": (observation(subject={"reference": "1"}), [("value", "Observation.subject.reference")]),
    "a bad id in a reference": (
        observation(subject={"reference": "Patient/a_b"}),
        [("value", "Observation.subject.reference")],
    ),
    "a wrong subject": (
        observation(subject={"reference": "Organization/1"}),
        [("value", "Observation.subject.reference")],
    ),
    "a reference that contradicts its type": (
        observation(subject={"reference": "Patient/1", "type": "Group"}),
        [("value", "Observation.subject.reference")],
    ),
    "a reference to nothing contained": (
        observation(subject={"reference": "#p"}),
        [("not-found", "Observation.subject.reference")],
    ),
    "a search as reference": (
        observation(subject={"reference": "Patient?identifier=1"}),
        [("value", "Observation.subject.reference")],
    ),
    "a urn without a UUID": (
        observation(subject={"reference": "urn:uuid:1"}),
        [("value", "Observation.subject.reference")],
    ),
    "a script as reference": (
        observation(subject={"reference": "javascript:alert(1)"}),
        [("value", "Observation.subject.reference")],
    ),
    # contained and bundled resources
    "contained in contained": (
        patient(
            contained=[
                {"resourceType": "Basic", "id": "a", "code": {"text": "x"}}
                | {"contained": [{"resourceType": "Basic", "id": "b", "code": {"text": "x"}}]}
            ]
        ),
        [("invariant", "Patient.contained[0].contained")],
    ),
    "a contained resource without id": (
        patient(contained=[{"resourceType": "Basic", "code": {"text": "x"}}]),
        [("required", "Patient.contained[0].id")],
    ),
    "a declined type contained": (
        patient(contained=[{"resourceType": "Evidence", "id": "e"}]),
        [("not-supported", "Patient.contained[0]")],
    ),
    "faults in a Bundle": (
        {
            "resourceType": "Bundle",
            "type": "collection",
            "entry": [{"resource": patient(gender="zzz")}, {"resource": {"resourceType": "Nope"}}],
        },
        [("code-invalid", "Bundle.entry[0].resource.gender"), ("not-supported", "Bundle.entry[1].resource")],
    ),
    # constraints
    "an extension that says nothing": (
        patient(extension=[{"url": "http://x"}]),
        [("invariant", "Patient.extension[0]")],
    ),
    "a period that ends before it starts": (
        patient(identifier=[{"value": "1", "period": {"start": "2024-02-01", "end": "2024-01-31"}}]),
        [("invariant", "Patient.identifier[0].period")],
    ),
    "a unit's code without system": (
        observation(valueQuantity={"value": 1, "code": "mg"}),
        [("invariant", "Observation.valueQuantity.system")],
    ),
    "a value and a reason for none": (
        observation(valueInteger=1, dataAbsentReason={"text": "x"}),
        [("invariant", "Observation.dataAbsentReason")],
    ),
    "an empty reference range": (
        observation(referenceRange=[{"appliesTo": [{"text": "x"}]}]),
        [("invariant", "Observation.referenceRange[0]")],
    ),
    "a contact without a contact": (patient(contact=[{"gender": "male"}]), [("invariant", "Patient.contact[0]")]),
    "an abated active condition": (
        condition("active", abatementDateTime="2024"),
        [("invariant", "Condition.clinicalStatus")],
    ),
    # narrative
    "a narrative without a div": (patient(text={"status": "generated"}), [("required", "Patient.text.div")]),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_resources_are_told_what_and_where(name: str) -> None:
    resource, expected = BAD[name]
    issues = validate(resource)
    assert [(issue.code, issue.expression) for issue in issues] == expected
    assert {issue.severity for issue in issues} == {"error"}
    assert all(issue.diagnostics.endswith((".", "?")) for issue in issues)


def test_all_problems_come_at_once_and_each_once() -> None:
    resource = observation(
        status="fnal",
        subject={"reference": "Foo/1"},
        effectiveDateTime="2024-02-30",
        valueQuantity={"value": "12,5", "unit": 3},
        foo="bar",
    )
    assert said(resource) == [
        ("code-invalid", "Observation.status"),
        ("value", "Observation.subject.reference"),
        ("value", "Observation.effectiveDateTime"),
        ("structure", "Observation.valueQuantity.value"),
        ("structure", "Observation.valueQuantity.unit"),
        ("structure", "Observation.foo"),
    ]


@pytest.mark.parametrize(
    ("resource", "sentence"),
    [
        (
            observation(status="finall"),
            "'finall' is not a code of the value set observation-status: amended, cancelled, corrected, "
            "entered-in-error, final, preliminary, registered, unknown. Did you mean 'final'?",
        ),
        (patient(nmae=[]), "Patient has no element 'nmae' in FHIR R4; did you mean 'name'."),
        (patient(active="true"), "True or false without quotes is expected, found is the string 'true'."),
        (
            observation(valueQuantity={"value": "3"}),
            "A JSON number, such as 12.50, without quotes is expected, found is the string '3'.",
        ),
        (
            patient(birthDate="2024-02-30"),
            "A date that exists, as YYYY, YYYY-MM or YYYY-MM-DD is expected, found is the string '2024-02-30'.",
        ),
        (
            observation(subject={"reference": "Organization/1"}),
            "'Organization/1' points to a resource of type Organization; "
            "allowed here: Device, Group, Location, Patient.",
        ),
        ({"resourceType": "Pateint"}, "'Pateint' is not a resource type of FHIR R4 (4.0.1); did you mean 'Patient'."),
    ],
)
def test_sentences_say_what_was_expected_and_found(resource: Json, sentence: str) -> None:
    assert [issue.diagnostics for issue in validate(resource)] == [sentence]


def test_a_reference_to_an_unusual_type_is_a_warning() -> None:
    assert validate(observation(performer=[{"reference": "Encounter/1"}])) == [
        Issue(
            "warning",
            "value",
            "Observation.performer[0].reference",
            "'Encounter/1' points to a resource of type Encounter; allowed here: "
            "CareTeam, Organization, Patient, Practitioner, PractitionerRole, RelatedPerson.",
        )
    ]


def test_what_is_nested_endlessly_is_refused_without_reading_on() -> None:
    nested: Json = {"url": "http://x", "valueInteger": 1}
    for _ in range(400):
        nested = {"url": "http://x", "extension": [nested]}
    (issue,) = validate(patient(extension=[nested]))
    assert (issue.severity, issue.code) == ("error", "too-costly")


def test_the_library_has_its_say_on_values() -> None:
    """``fhir.resources`` reads each value into a Python type; what it finds has its place as ours has."""
    resource = patient(name=[{"family": "A"}, {"period": {"start": "2024-02-30"}}], gender="zzz", foo=1)
    assert [(issue.severity, issue.code, issue.expression) for issue in library.check(resource)] == [
        ("error", "value", "Patient.name[1].period.start")
    ]
    assert said(resource) == [
        ("value", "Patient.name[1].period.start"),
        ("code-invalid", "Patient.gender"),
        ("structure", "Patient.foo"),
    ]


def test_nothing_in_the_resource_is_changed() -> None:
    resource = patient(active=True, name=[{"given": ["A", None], "_given": [None, {"extension": [EXTENSION]}]}])
    before = repr(resource)
    validate(resource)
    assert repr(resource) == before
