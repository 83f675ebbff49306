"""What intake of a screening result costs beyond the store's own work: a FIT and another measurement in turn.

Both are the same resource but for code and unit, for the same person, saved through the same door in one process; the
difference is what reads the result, moves the round and marks the statistics.
"""

import time
from decimal import Decimal
from typing import Any, Final
from uuid import uuid4

LIMIT_MS: Final = 5
PAIRS: Final = 1_000
_WARM: Final = 300
_TYPES: Final = (("27396-1", "ug/g"), ("8302-2", "cm"))


def _observation(person: str, code: str, unit: str, facility: str) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "subject": {"reference": f"Patient/{person}"},
        "effectiveDateTime": "2026-05-06",
        "performer": [{"reference": f"Organization/{facility}"}],
        "specimen": {
            "identifier": {"system": "https://healthhub.example/fhir/sid/specimen/bench", "value": f"B{uuid4().hex}"}
        },
        "valueQuantity": {
            "value": Decimal("12.5"),
            "unit": unit,
            "system": "http://unitsofmeasure.org",
            "code": unit,
        },
    }


def measure(facility: str, people: list[str]) -> None:
    """Print the tenth, median and ninetieth of what each costs, and of the difference of a pair."""
    from fhir import store
    from healthhub.accounts.actors import SYSTEM
    from screening.models import ScreeningResult

    times: list[list[float]] = []
    for number in range(_WARM + PAIRS):
        pair = []
        for code, unit in _TYPES:
            resource = _observation(people[number % len(people)], code, unit, facility)
            begin = time.perf_counter()
            store.save(resource, actor=SYSTEM, facility=facility)
            pair.append((time.perf_counter() - begin) * 1000)
        times.append(pair)
    times = times[_WARM:]
    print(f"intake of a result, {ScreeningResult.objects.count()} results stored, {PAIRS} pairs: p10, p50, p90 in ms")
    beyond = sorted(fit - other for fit, other in times)
    for name, values in (
        ("a FIT result", sorted(fit for fit, _other in times)),
        ("another measurement", sorted(other for _fit, other in times)),
        ("beyond it", beyond),
    ):
        tenth, median, ninetieth = (values[len(values) * part // 100] for part in (10, 50, 90))
        print(f"    {name:24}{tenth:9.1f}{median:9.1f}{ninetieth:9.1f}")
    print(f"    {'within' if beyond[len(beyond) // 2] < LIMIT_MS else 'NOT WITHIN'} {LIMIT_MS} ms")
