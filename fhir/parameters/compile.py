"""Condense HL7's official R4 search parameters into ``r4.json`` beside this module.

    python -m fhir.parameters.compile node_modules/hl7.fhir.r4.examples

The source is the unpacked npm package ``hl7.fhir.r4.examples`` 4.0.1. (Re-published editions add parameters of their
own.) Facts only are taken: ``{type: {code: [kind, expression, targets]}}``, one parameter a line. An expression that
serves several types is cut to the alternatives of each; ``Resource`` holds those that every type has. Left out: HL7's
examples, and the parameters of optional extension packs (genetics, maiden name …).
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
OPTIONAL = re.compile(r"^example|-extensions-|-genetic-")


def alternatives(expression: str, kind: str) -> str:
    """The parts of ``A.x | B.y`` that start at one resource type."""
    parts = [part.strip() for part in expression.split("|")]
    own = [part for part in parts if re.match(rf"\(?{kind}\b", part)]
    # InsurancePlan.name is written without its type
    own += [f"{kind}.{part}" for part in parts if re.fullmatch(r"[a-z]\w*", part)]
    return " | ".join(dict.fromkeys(own))


def condense(source: Path) -> dict[str, dict[str, Any]]:
    """Every parameter of every type, sorted by name."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(source.glob("SearchParameter-*.json")):
        definition = json.loads(path.read_text(encoding="utf-8"))
        if OPTIONAL.search(definition["id"]) or "base" not in definition:
            continue
        for base in definition["base"]:
            kind = "Resource" if base == "DomainResource" else base
            expression = alternatives(definition.get("expression", ""), base)
            targets = sorted(definition.get("target", []))
            found.setdefault(kind, {})[definition["code"]] = [definition["type"], expression, targets]
    return {kind: dict(sorted(found[kind].items())) for kind in sorted(found)}


def main(source: Path) -> None:
    found = condense(source)
    types = []
    for kind, parameters in found.items():
        rows = (f" {json.dumps(code)}: {json.dumps(facts)}" for code, facts in parameters.items())
        types.append(f"{json.dumps(kind)}: {{\n" + ",\n".join(rows) + "\n}")
    (HERE / "r4.json").write_text("{\n" + ",\n".join(types) + "\n}\n", encoding="utf-8")
    print(f"{len(found)} types, {sum(map(len, found.values()))} parameters")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
