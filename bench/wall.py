"""What the second wall costs: the same work with it and without, in turns: the machine's noise falls on both."""

import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import replace
from itertools import cycle
from statistics import median
from typing import Any
from unittest.mock import patch

from bench.samples import FIT
from fhir import reader
from fhir.search import parse
from healthhub.accounts.actors import Actor
from healthhub.postgresql.wall import walled
from records.access.policy import RecordPolicy
from records.access.wall import asker
from records.citizens import find

ROUNDS = 40
EACH = 25


def measure(actor: Actor, observations: list[str], patients: list[str]) -> None:
    """Print milliseconds without and with the wall, and their ratio, for reads and searches of a facility."""
    other = replace(actor, id="client:other", facility="nowhere")
    ids, people = cycle(observations), cycle(patients)
    clients = cycle([actor, other])
    work: dict[str, Callable[[], Any]] = {
        "read of a result": lambda: reader.read(type="Observation", id=next(ids), actor=actor),
        "read, two clients in turn on one connection": lambda: _missing_is_fine(next(ids), next(clients)),
        "search: one person's results": lambda: _search(actor, ("patient", next(people)), ("code", FIT)),
        "search: the facility's results of a kind": lambda: _search(actor, ("code", FIT)),
        "search for a name among the facility's people": lambda: find("nguyen thi", actor=actor),
    }
    for label, one in work.items():
        spent: dict[bool, list[float]] = {False: [], True: []}
        for number in range(2 * ROUNDS):
            up = bool(number % 2)
            with nullcontext() if up else patch.object(RecordPolicy, "asker", return_value=None):
                around = walled(asker(actor)) if up and "name" in label else nullcontext()
                with around:
                    one()
                    begin = time.perf_counter()
                    for _ in range(EACH):
                        one()
                    spent[up].append((time.perf_counter() - begin) / EACH * 1000)
        without, with_it = median(spent[False]), median(spent[True])
        print(
            f"wall, {label:<46} {without:7.3f} ms without, {with_it:7.3f} ms with: {with_it / without:.2f}", flush=True
        )


def _search(actor: Actor, *pairs: tuple[str, str]) -> Any:
    return reader.read_page(parse("Observation", [*pairs, ("_count", "20")]), actor=actor)


def _missing_is_fine(name: str, actor: Actor) -> None:
    with suppress(reader.Refused):
        reader.read(type="Observation", id=name, actor=actor)
