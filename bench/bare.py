"""The same work without the web layer: the SQL that a request sends, run over as many connections."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction

from bench.samples import FIT, Samples, measurement
from fhir import reader, tables, text
from fhir.ids import new_id
from fhir.parameters import extract
from fhir.search import parse
from healthhub.accounts.actors import Actor


def rate(work: Callable[[], int], *, seconds: float = 6, threads: int = 4) -> float:
    """How much work a second some threads do, each with a connection of its own; ``work`` says how much it did."""
    end = time.perf_counter() + seconds
    done = [0] * threads

    def loop(number: int) -> None:
        try:
            while time.perf_counter() < end:
                done[number] += work()
        finally:
            connection.close()

    crew = [threading.Thread(target=loop, args=(number,)) for number in range(threads)]
    for one in crew:
        one.start()
    for one in crew:
        one.join()
    return sum(done) / seconds


def read(samples: Samples, actor: Actor, pick: Callable[[list[str]], str]) -> Callable[[], int]:
    """One row by key with access rule and log line: the statement of a read."""

    def work() -> int:
        reader.read(type="Observation", id=pick(samples.observations), actor=actor)
        return 1

    return work


def search(samples: Samples, actor: Actor, pick: Callable[[list[str]], str]) -> Callable[[], int]:
    """One person's results of one code, newest first: the statement of that search."""

    def work() -> int:
        query = parse(
            "Observation", [("subject", f"Patient/{pick(samples.patients)}"), ("code", FIT), ("_sort", "-date")]
        )
        reader.read_page(query, actor=actor)
        return 1

    return work


def insert(samples: Samples, actor: Actor, pick: Callable[[list[str]], str], *, batch: int) -> Callable[[], int]:
    """Rows with index and log lines, prepared beforehand and committed: the INSERTs of a creation."""
    now = datetime.now(UTC)
    prepared = []
    for _ in range(500):
        document = text.Document.of(measurement(f"Patient/{pick(samples.patients)}"))
        content = text.compose(document, id="", version=1, last_updated=now)
        prepared.append((content, extract(document.resource)))

    def work() -> int:
        rows = [
            tables.Row(
                "Observation", new_id(), 1, now, False, entry.patient, samples.facility, actor.id, content, entry
            )
            for content, entry in _some(prepared, batch)
        ]
        with transaction.atomic():
            tables.insert_rows(rows, actor=actor)
        return len(rows)

    return work


def _some(items: list[Any], size: int) -> list[Any]:
    start = time.perf_counter_ns() % (len(items) - size)
    return items[start : start + size]
