"""Which searches the columns of a row answer exactly, so that no index table is needed."""

from fhir.parameters.catalogue import SearchParameter
from fhir.parameters.mainfacts import main_facts


def is_main_date(resource_type: str, parameter: SearchParameter) -> bool:
    """Whether ``starts`` and ``ends`` are this parameter's value."""
    dates = main_facts(resource_type).dates
    return bool(dates) and parameter.type == "date" and set(parameter.keys) == {path.key for path in dates}


def is_main_code(resource_type: str, parameter: SearchParameter) -> bool:
    """Whether ``code`` is the first of this parameter's values."""
    code = main_facts(resource_type).code
    return code is not None and parameter.type == "token" and parameter.keys == (code.key,)


def is_main_patient(resource_type: str, parameter: SearchParameter) -> bool:
    """Whether ``patient`` is this parameter's value where that is a patient."""
    facts = main_facts(resource_type)
    return facts.patient_is_exact and parameter.type == "reference" and parameter.keys == (facts.patient[0].key,)
