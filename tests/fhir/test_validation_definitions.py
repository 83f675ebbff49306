"""The condensed definitions say what the specification says."""

from fhir import definitions
from fhir.definitions import Element


def test_the_types_are_those_of_r4() -> None:
    assert len(definitions.r4_types()) == 146
    assert len(definitions.declined_types()) == 19
    assert definitions.resource_types() == definitions.r4_types() - definitions.declined_types()
    assert {"Patient", "Observation", "EvidenceVariable", "Parameters", "Bundle"} <= definitions.resource_types()
    assert not {"SubscriptionStatus", "NutritionProduct", "DomainResource"} & definitions.r4_types()


def test_elements_carry_type_cardinality_binding_and_targets() -> None:
    elements = definitions.elements("Observation")
    assert list(elements)[:4] == ["id", "meta", "implicitRules", "language"]
    assert elements["status"] == Element("status", ("code",), 1, 1, frozenset(), "observation-status")
    assert elements["component"].types == ("Observation.component",)
    assert elements["subject"].targets == {"Patient", "Group", "Device", "Location"}
    assert elements["value[x]"].json_names()["valueDateTime"] == "dateTime"
    assert definitions.elements("Observation.component")["referenceRange"].types == ("Observation.referenceRange",)
    assert "comparator" not in definitions.elements("SimpleQuantity")


def test_required_value_sets_list_their_codes() -> None:
    assert definitions.codes("administrative-gender") == {
        "http://hl7.org/fhir/administrative-gender": {"male", "female", "other", "unknown"}
    }
    assert definitions.codes("mimetypes") is None


def test_the_patient_compartment_names_parameters() -> None:
    compartment = definitions.patient_compartment()
    assert compartment["Observation"] == ("subject", "performer")
    assert len(compartment) == 66
