"""Condense HL7's official FHIR R4 definitions into the small data files beside this module.

    python -m fhir.definitions.compile node_modules/hl7.fhir.r4.examples

The source is the unpacked npm package ``hl7.fhir.r4.examples`` 4.0.1, HL7's own edition: it carries every
StructureDefinition, ValueSet, CodeSystem and CompartmentDefinition of the specification. (Re-published editions of
the definitions differ from it in many places.) Only facts are taken: names, types, cardinalities, codes.

Written files, each one fact a line and in a fixed order so that a change reads well in a diff:

- ``types.json``: ``{type or backbone path: {"base": type, "elements": {name: "min..max types =value-set"}}}``;
  ``{"base": type, "regex": pattern}`` for primitives. Inherited elements stand at the base only.
- ``codes.json``: ``{value set of a required binding: {system: [codes]}}``. Sets that cannot be listed (MIME types,
  UCUM units, currencies, one LOINC answer list) are absent, and so are open.
- ``patient_compartment.json``: ``{type: [search parameters that link it to a patient]}``.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
CORE = "http://hl7.org/fhir/StructureDefinition/"

Json = dict[str, Any]


def read_all(source: Path, kind: str) -> Iterator[Json]:
    """Every resource of one type in the package, in file order."""
    for path in sorted(source.glob(f"{kind}-*.json")):
        yield json.loads(path.read_text(encoding="utf-8"))


def type_term(kind: Json) -> str:
    """One allowed type: ``string``, ``SimpleQuantity``, ``Reference(Patient,Group)``, ``canonical(ValueSet)``."""
    name: str = kind["code"]
    if name.startswith("http://hl7.org/fhirpath/System."):
        # ids and primitive values: the FHIR type stands in an extension
        urls = [part.get("valueUrl") for part in kind.get("extension", []) if "valueUrl" in part]
        return urls[0] if urls else "string"
    profiles = [profile.removeprefix(CORE) for profile in kind.get("profile", [])]
    if profiles == ["SimpleQuantity"]:
        return "SimpleQuantity"
    targets = sorted(target.removeprefix(CORE) for target in kind.get("targetProfile", []))
    if name == "Reference" and targets and targets != ["Resource"]:
        return f"{name}({','.join(targets)})"
    return name


def element_line(element: Json) -> str:
    """``min..max types``, and ``=value-set`` where a code is required to come from it."""
    if "contentReference" in element:
        types = element["contentReference"]
    else:
        types = "|".join(type_term(kind) for kind in element["type"])
    line = f"{element['min']}..{element['max']} {types}"
    binding = element.get("binding", {})
    if binding.get("strength") == "required":
        line += f" ={set_name(binding['valueSet'])}"
    return line


def set_name(url: str) -> str:
    return url.split("|")[0].removeprefix("http://hl7.org/fhir/ValueSet/")


def condense_type(definition: Json) -> Iterator[tuple[str, Json]]:
    """The type and its backbone elements, each with the elements that it adds to its base."""
    name = definition["id"]
    base = definition.get("baseDefinition", "").removeprefix(CORE)
    if definition["kind"] == "primitive-type":
        yield name, {"base": base, "regex": primitive_regex(definition)}
        return
    nodes: dict[str, Json] = {name: {"base": base, "elements": {}}}
    for element in definition["snapshot"]["element"]:
        path: str = element["path"]
        owner, _, leaf = path.rpartition(".")
        if not owner:
            continue
        inherited = element["base"]["path"].rpartition(".")[0] != owner
        if not inherited:
            nodes.setdefault(owner, {"elements": {}})["elements"][leaf] = element_line(element)
        codes = [kind["code"] for kind in element.get("type", [])]
        if codes in (["BackboneElement"], ["Element"]):
            nodes[path] = {"base": codes[0], "elements": {}}
    yield from nodes.items()


def primitive_regex(definition: Json) -> str:
    for element in definition["snapshot"]["element"]:
        if element["path"].endswith(".value"):
            for kind in element["type"]:
                for part in kind.get("extension", []):
                    if part["url"].endswith("/regex"):
                        return part["valueString"]
    return ""


def system_codes(concepts: list[Json]) -> Iterator[str]:
    for concept in concepts:
        yield concept["code"]
        yield from system_codes(concept.get("concept", []))


def expand(value_set: Json, systems: dict[str, Json]) -> dict[str, list[str]] | None:
    """The codes of a value set by system; None when the specification does not list them."""
    found: dict[str, list[str]] = {}
    for include in value_set["compose"]["include"]:
        system = include.get("system", "")
        if "concept" in include:
            codes = [concept["code"] for concept in include["concept"]]
        elif "filter" not in include and systems.get(system, {}).get("content") == "complete":
            codes = list(system_codes(systems[system]["concept"]))
        else:
            return None
        found[system] = sorted({*found.get(system, []), *codes})
    return None if "exclude" in value_set["compose"] else found


def lines(data: dict[str, Any]) -> str:
    """JSON with one line per key of the outermost object."""
    rows = (f"{json.dumps(key)}: {json.dumps(data[key], ensure_ascii=False)}" for key in sorted(data))
    return "{\n" + ",\n".join(rows) + "\n}\n"


def main(source: Path) -> None:
    types: dict[str, Json] = {}
    for definition in read_all(source, "StructureDefinition"):
        if definition["kind"] == "logical" or definition.get("derivation") == "constraint":
            continue
        types.update(condense_type(definition))
    types = {name: types[name] for name in sorted(types)}

    wanted = {
        line.rpartition("=")[2] for node in types.values() for line in node.get("elements", {}).values() if " =" in line
    }
    systems = {system["url"]: system for system in read_all(source, "CodeSystem") if "url" in system}
    codes = {}
    for value_set in read_all(source, "ValueSet"):
        name = set_name(value_set.get("url", ""))
        if name in wanted and (listed := expand(value_set, systems)) is not None:
            codes[name] = listed

    compartment = json.loads((source / "CompartmentDefinition-patient.json").read_text(encoding="utf-8"))
    members = {entry["code"]: entry["param"] for entry in compartment["resource"] if entry.get("param")}

    (HERE / "types.json").write_text(json.dumps(types, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (HERE / "codes.json").write_text(lines(codes), encoding="utf-8")
    (HERE / "patient_compartment.json").write_text(lines(members), encoding="utf-8")
    print(f"{len(types)} types, {len(codes)} of {len(wanted)} value sets, {len(members)} types about a patient")
    print("open value sets:", ", ".join(sorted(wanted - codes.keys())))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
