"""Facts of the FHIR R4 (4.0.1) specification, from the data files that ``compile.py`` makes; loaded when asked for."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent

FHIR_VERSION = "4.0.1"

#: R4 types that ``fhir.resources`` (R4B) cannot check: it has no model of them, or one of an altogether other Evidence.
_DECLINED = frozenset(
    (
        "EffectEvidenceSynthesis",
        "Evidence",
        "MedicinalProduct",
        "MedicinalProductAuthorization",
        "MedicinalProductContraindication",
        "MedicinalProductIndication",
        "MedicinalProductIngredient",
        "MedicinalProductInteraction",
        "MedicinalProductManufactured",
        "MedicinalProductPackaged",
        "MedicinalProductPharmaceutical",
        "MedicinalProductUndesirableEffect",
        "RiskEvidenceSynthesis",
        "SubstanceNucleicAcid",
        "SubstancePolymer",
        "SubstanceProtein",
        "SubstanceReferenceInformation",
        "SubstanceSourceMaterial",
        "SubstanceSpecification",
    )
)


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a type. ``types`` may name a backbone path such as ``Observation.component``.

    ``targets`` are the resource types that a Reference may point to (empty: any); ``value_set`` is the name of the
    required binding's value set, or empty; ``maximum`` is None when the element repeats without limit.
    """

    name: str
    types: tuple[str, ...]
    minimum: int
    maximum: int | None
    targets: frozenset[str]
    value_set: str

    @property
    def repeats(self) -> bool:
        return self.maximum is None or self.maximum > 1

    @property
    def is_choice(self) -> bool:
        return self.name.endswith("[x]")

    def json_names(self) -> dict[str, str]:
        """The JSON member names with the type that each stands for: ``{"valueQuantity": "Quantity", …}``."""
        if not self.is_choice:
            return {self.name: self.types[0]}
        stem = self.name[:-3]
        return {stem + title(kind): kind for kind in self.types}


def title(kind: str) -> str:
    """How a type name ends a choice element's name: ``dateTime`` -> ``DateTime``."""
    return "Quantity" if kind == "SimpleQuantity" else kind[0].upper() + kind[1:]


def _load(name: str) -> dict[str, Any]:
    with (_HERE / name).open(encoding="utf-8") as file:
        data: dict[str, Any] = json.load(file)
    return data


@cache
def _types() -> dict[str, Any]:
    return _load("types.json")


@cache
def _codes() -> dict[str, dict[str, list[str]]]:
    return _load("codes.json")


def _ancestors(name: str) -> list[str]:
    chain = []
    while name:
        chain.append(name)
        name = _types()[name]["base"]
    return chain


@cache
def r4_types() -> frozenset[str]:
    """Every concrete resource type of FHIR R4 4.0.1."""
    bases = {"Resource", "DomainResource"}
    return frozenset(name for name, node in _types().items() if node["base"] in bases) - bases


@cache
def declined_types() -> frozenset[str]:
    """The R4 types that this server declines."""
    return _DECLINED & r4_types()


@cache
def resource_types() -> frozenset[str]:
    """The R4 types that this server stores."""
    return r4_types() - _DECLINED


@cache
def primitive_types() -> dict[str, str]:
    """The primitive types with the specification's regular expression for each ('' for xhtml)."""
    return {name: node["regex"] for name, node in _types().items() if "regex" in node}


@cache
def elements(name: str) -> Mapping[str, Element]:
    """The elements of a type or backbone path, inherited ones first; KeyError for an unknown type.

    ``elements("Observation")["value[x]"].types`` -> ``("Quantity", "CodeableConcept", …)``
    """
    if name == "SimpleQuantity":
        return {key: element for key, element in elements("Quantity").items() if key != "comparator"}
    return {
        leaf: _element(owner, leaf, line)
        for owner in reversed(_ancestors(name))
        for leaf, line in _types()[owner]["elements"].items()
    }


def _element(owner: str, leaf: str, line: str) -> Element:
    cardinality, types, *binding = line.split(" ")
    minimum, _, maximum = cardinality.partition("..")
    names: list[str] = []
    targets: set[str] = set()
    for term in types.split("|"):
        if term.startswith("#"):
            names.append(term[1:])
            continue
        kind, _, allowed = term.partition("(")
        if allowed:
            targets.update(allowed.rstrip(")").split(","))
        names.append(f"{owner}.{leaf}" if kind in ("BackboneElement", "Element") else kind)
    return Element(
        name=leaf,
        types=tuple(names),
        minimum=int(minimum),
        maximum=None if maximum == "*" else int(maximum),
        targets=frozenset(targets),
        value_set=binding[0][1:] if binding else "",
    )


@cache
def codes(value_set: str) -> Mapping[str, frozenset[str]] | None:
    """The codes of a required binding's value set by code system; None for a set that is open."""
    listed = _codes().get(value_set)
    return None if listed is None else {system: frozenset(values) for system, values in listed.items()}


@cache
def patient_compartment() -> Mapping[str, tuple[str, ...]]:
    """The types that are about a patient, with the search parameters that say which: the patient compartment."""
    return {name: tuple(parameters) for name, parameters in _load("patient_compartment.json").items()}
