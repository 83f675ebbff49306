"""Orders and specimens as rows, and which of them have their result: hooks of the store, a batch at a time.

A sample that comes as unsatisfactory, through whichever door, becomes an inadequate result in the same transaction: so
the person's round asks for another sample, and nobody is lost between a rejected tube and the next kit.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from fhir.hooks import Change, on_rebuild, on_saved, on_validate
from fhir.outcomes import Issue
from healthhub.accounts.actors import Actor
from healthhub.postgresql.prepared import execute_prepared
from records.access import presented_at
from records.models import Facility
from screening.facts import ZONE, is_screening
from screening.laboratory.clocks import reading_due
from screening.laboratory.reading import OrderRow, SpecimenRow, read_order, read_specimen
from screening.laboratory.returning import note_returned
from screening.models import Kit, Order, Specimen

CHUNK = 2000
_ORDERS = """
INSERT INTO screening_order (order_id, patient_id, programme, test, status, facility_id, performer_id, authored_on,
  due_on)
SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::date[],
  %s::date[])
ON CONFLICT (order_id) DO UPDATE SET patient_id = excluded.patient_id, programme = excluded.programme,
  test = excluded.test, status = excluded.status, facility_id = excluded.facility_id,
  performer_id = excluded.performer_id, authored_on = excluded.authored_on, due_on = excluded.due_on
"""
_SPECIMENS = """
INSERT INTO screening_specimen (specimen_id, patient_id, facility_id, barcode, order_id, status, reason, collected_on,
  received_at, programme, test, due_on)
SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::date[],
  %s::timestamptz[], %s::text[], %s::text[], %s::date[])
ON CONFLICT (specimen_id) DO UPDATE SET patient_id = excluded.patient_id, facility_id = excluded.facility_id,
  barcode = excluded.barcode, order_id = excluded.order_id, status = excluded.status, reason = excluded.reason,
  collected_on = excluded.collected_on, received_at = excluded.received_at, programme = excluded.programme,
  test = excluded.test, due_on = excluded.due_on
"""
# A preliminary result is not yet one. An order is answered by the first result of its test from its day on, or by that
# of a sample taken for it.
_ANSWER = """
WITH orders AS (
  UPDATE screening_order o SET result_id = found.id FROM (
    SELECT q.order_id, (
      SELECT r.observation_id FROM screening_screeningresult r
      WHERE r.patient_id = q.patient_id AND r.programme = q.programme AND r.test = q.test AND r.status <> 'preliminary'
      AND (r.collected_on >= q.authored_on OR EXISTS (
        SELECT FROM screening_specimen s
        WHERE s.patient_id = q.patient_id AND s.order_id = q.order_id AND s.barcode = r.specimen_id))
      ORDER BY r.collected_on, r.observation_id LIMIT 1
    ) AS id FROM screening_order q WHERE q.patient_id = ANY(%s)
  ) found WHERE found.order_id = o.order_id AND o.result_id IS DISTINCT FROM found.id
)
UPDATE screening_specimen s SET result_id = found.id FROM (
  SELECT q.specimen_id, (
    SELECT r.observation_id FROM screening_screeningresult r
    WHERE r.patient_id = q.patient_id AND r.specimen_id = q.barcode AND (q.test = '' OR r.test = q.test)
    AND r.status <> 'preliminary' ORDER BY r.collected_on, r.observation_id LIMIT 1
  ) AS id FROM screening_specimen q WHERE q.patient_id = ANY(%s)
) found WHERE found.specimen_id = s.specimen_id AND s.result_id IS DISTINCT FROM found.id
"""
_STORED = """
SELECT id, version, patient, facility, last_updated, content FROM fhir_resource
WHERE type = %s AND NOT deleted AND patient IS NOT NULL AND id > %s ORDER BY id LIMIT %s
"""


@on_saved("ServiceRequest")
def take_orders(changes: Sequence[Change], *, actor: Actor) -> None:
    """Keep one Order for each order of a test; the laboratory that it names may read the person from then on."""
    orders = project_orders(changes)
    _answer({row.patient_id for row in orders})
    asked = {(row.patient_id, row.performer_id) for row in orders if row.performer_id not in (None, row.facility_id)}
    known = set(Facility.objects.filter(pk__in={name for _, name in asked}, code__isnull=False).values_list("pk"))
    presented_at({(person, name) for person, name in asked if name and (name,) in known})


@on_saved("Specimen")
def take_specimens(changes: Sequence[Change], *, actor: Actor) -> None:
    """Keep one row for each sample, and say in the person's round that a rejected one must be taken again."""
    from screening.laboratory.rejections import follow_rejections

    rows = project_specimens(changes)
    _answer({row.patient_id for row in rows})
    note_returned(rows)
    follow_rejections([row.specimen_id for row in rows], changes, actor=actor)


@on_saved("Observation")
def take_results(changes: Sequence[Change], *, actor: Actor) -> None:
    """Know which orders and samples have their result now."""
    _answer({change.patient for change in changes if change.patient and _of_screening(change)})


@on_validate("Specimen")
def check_specimens(changes: Sequence[Change]) -> Iterator[tuple[int, Issue]]:
    """A barcode is one sample at a facility: two people must never share a tube."""
    rows = [
        read_specimen(change.resource, id=change.id, patient=change.patient, facility=change.facility)
        if change.resource is not None
        else None
        for change in changes
    ]
    barcodes = {row.barcode for row in rows if row}
    if not barcodes:
        return
    held = {
        (row.facility_id, row.barcode): (row.specimen_id, row.patient_id)
        for row in Specimen.objects.filter(barcode__in=barcodes)
    }
    kits = dict(Kit.objects.filter(barcode__in=barcodes).values_list("barcode", "patient_id"))
    for position, row in enumerate(rows):
        if row is None:
            continue
        name, _person = held.setdefault((row.facility_id, row.barcode), (row.specimen_id, row.patient_id))
        if name != row.specimen_id:
            told = f"Specimen/{name} has this barcode already. To change it, update Specimen/{name}."
            yield position, Issue("error", "duplicate", "Specimen.identifier", told)
        elif kits.get(row.barcode, row.patient_id) != row.patient_id:
            told = "The kit with this barcode was given to another person."
            yield position, Issue("error", "business-rule", "Specimen.subject", told)


@on_rebuild
def rebuild() -> None:
    """Drop and remake orders and specimens. Kits, custody and the queue are truth of their own and stay."""
    with transaction.atomic():
        Order.objects.all().delete()
        Specimen.objects.all().delete()
        for type_, project in (("ServiceRequest", project_orders), ("Specimen", project_specimens)):
            for changes in _stored(type_):
                _answer({row.patient_id for row in project(changes)})
        _answer(Order.objects.values_list("patient_id", flat=True).distinct())


def project_orders(changes: Sequence[Change]) -> list[OrderRow]:
    """Write the orders among these; remove the rows of those that are none any more."""
    rows: list[OrderRow] = []
    gone: list[str] = []
    for change in changes:
        day = (change.last_updated or timezone.now()).astimezone(ZONE).date()
        resource = change.resource or {}
        row = read_order(resource, id=change.id, patient=change.patient, facility=change.facility, on=day)
        rows += [row] if row else []
        gone += [change.id] if row is None and change.version > 1 else []
    _write(_ORDERS, rows)
    if gone:
        Order.objects.filter(pk__in=gone).delete()
    return rows


def project_specimens(changes: Sequence[Change]) -> list[SpecimenRow]:
    """Write the samples among these with the test that their order or kit says; remove those that are none any more."""
    found = [
        (change, read_specimen(change.resource or {}, id=change.id, patient=change.patient, facility=change.facility))
        for change in changes
    ]
    rows = [row for _, row in found if row]
    tests = _tests_of(rows) if rows else {}
    written = []
    for row in rows:
        programme, test = tests.get(row.specimen_id, ("", ""))
        received = row.received_at.astimezone(ZONE).date() if row.received_at else None
        written.append((*row, programme, test, reading_due(programme, received) if received and programme else None))
    _write(_SPECIMENS, written)
    if gone := [change.id for change, row in found if row is None and change.version > 1]:
        Specimen.objects.filter(pk__in=gone).delete()
    return rows


def _tests_of(rows: Sequence[SpecimenRow]) -> dict[str, tuple[str, str]]:
    orders = {
        order.pk: (order.programme, order.test)
        for order in Order.objects.filter(pk__in={row.order_id for row in rows if row.order_id})
    }
    kits = {
        kit.barcode: (kit.programme, kit.test) for kit in Kit.objects.filter(barcode__in={row.barcode for row in rows})
    }
    return {row.specimen_id: orders.get(row.order_id) or kits.get(row.barcode) or ("", "") for row in rows}


def _of_screening(change: Change) -> bool:
    return any(text is not None and is_screening(text) for text in (change.resource, change.previous))


def _answer(patients: Iterable[str]) -> None:
    people = sorted(set(patients))
    if people:
        with connection.cursor() as cursor:
            execute_prepared(cursor, _ANSWER, [people, people])


def _write(sql: str, rows: Sequence[Sequence[Any]]) -> None:
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(sql, [list(column) for column in zip(*rows, strict=True)])


def _stored(type_: str) -> Iterator[list[Change]]:
    after = ""
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_STORED, [type_, after, CHUNK])
            rows = cursor.fetchall()
        if not rows:
            return
        after = rows[-1][0]
        for_each = []
        for name, version, patient, facility, updated, content in rows:
            change = Change(type_, name, version, None, patient, facility, content, updated)
            change.resource = change.previous
            for_each.append(change)
        yield for_each
