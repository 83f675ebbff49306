"""FHIR R4's search parameters: which there are, and what each finds in a resource.

``parameters_for("Observation")["code"]`` describes one; ``extract(resource)`` gives everything that the store indexes.
"""

from fhir.parameters.catalogue import SearchParameter, parameters_for
from fhir.parameters.extractors import IndexEntry, extract

__all__ = ["IndexEntry", "SearchParameter", "extract", "parameters_for"]
