"""The demo clinic's laboratory today: kits on the shelf, with people and in the rack; one that was never sent back, one
that has expired, one sample logged and not read; results that wait for a second person, for a call, for a person."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

from healthhub.accounts.actors import Actor
from records.models import Facility
from screening.demo import rates
from screening.demo.calendar import FIRST
from screening.demo.cast import days_ago, moment, resident
from screening.demo.people import Person, patient
from screening.demo.places import Site
from screening.demo.plan import Options
from screening.demo.sampling import Taken
from screening.demo.tags import META
from screening.laboratory.barcodes import barcode_of
from screening.laboratory.clocks import sample_due
from screening.laboratory.matching import park_result
from screening.laboratory.orders import build_order
from screening.laboratory.specimens import build_specimen
from screening.models import CustodyEvent, CustodyKind, Kit, KitLot

_FRESH, _OLD = "OC2611-A", "OC2505-C"
# (lot, last day so many days from now, kits delivered)
_LOTS = ((_FRESH, 260, 200), ("OC2602-B", 24, 60), (_OLD, -18, 100))
# (person, ordered, kit given, sample taken, received; all days ago, None: not yet; lot)
_TUBES = (
    (201, 3, 3, None, None, _FRESH), (202, 52, 52, None, None, _FRESH), (203, 11, 11, None, None, _FRESH),
    (204, 9, 9, 2, 1, _FRESH), (205, 16, 16, 4, 1, _FRESH), (206, 30, 30, 13, 12, _FRESH), (207, 41, 41, 2, 1, _OLD),
    (208, 1, None, None, None, ""),
)  # fmt: skip
_BARCODES = 9_900_000  # far from the numbers that the clinic gives
WAITING_TESTS = 2


def tubes(options: Options, *, clinic: Site) -> Iterator[tuple[Site, dict[str, Any]]]:
    """People with an order for a FIT, and the samples that came in. Their kits must be there: see ``stock``."""
    facility = _facility(clinic)
    for number, ordered, _given, taken, received, _lot in _TUBES:
        person = resident(options, clinic, number)
        yield clinic, patient(person, site=clinic, since=FIRST)
        order = build_order(
            patient_id=person.id, test="fit", facility=facility, performer=facility, on=days_ago(options, ordered)
        )
        yield clinic, order | {"id": _order(person), "meta": META}
        if taken is not None and received is not None:
            day = days_ago(options, taken)
            sample = build_specimen(_barcode(clinic, number), person.id, _order(person), facility, day)
            arrived = moment(options, received, 9, number % 60).isoformat()
            yield clinic, sample | {"id": f"{person.id}-tube", "meta": META, "receivedTime": arrived}


def stock(options: Options, *, clinic: Site, actor: Actor) -> None:
    """The lots, the kits that people were given, and whose hands each was in."""
    lots = {
        lot: KitLot.objects.create(
            facility_id=clinic.id, programme="colorectal", test="fit", kit="OC-Sensor", lot=lot,
            expires_on=options.today + timedelta(days=days), quantity=quantity, added_by=actor.id,
        )
        for lot, days, quantity in _LOTS
    }  # fmt: skip
    events = []
    for number, _ordered, given, taken, received, lot in _TUBES:
        if given is None:
            continue
        person = resident(options, clinic, number)
        issued = days_ago(options, given)
        kit = Kit.objects.create(
            barcode=_barcode(clinic, number), lot=lots[lot], facility_id=clinic.id, patient_id=person.id,
            order_id=_order(person), programme="colorectal", test="fit", issued_on=issued,
            due_on=sample_due("colorectal", "fit", issued),
            returned_on=None if received is None else days_ago(options, received),
        )  # fmt: skip
        happened = ((CustodyKind.ISSUED, given), (CustodyKind.COLLECTED, taken), (CustodyKind.RECEIVED, received))
        events += [
            CustodyEvent(
                barcode=kit.barcode, patient_id=person.id, facility_id=clinic.id, kind=kind,
                at=moment(options, days, 9, number % 60), actor=actor.id, actor_name=clinic.name,
            )
            for kind, days in happened
            if days is not None
        ]  # fmt: skip
    CustodyEvent.objects.bulk_create(events)


def waiting_tests(options: Options, *, clinic: Site) -> list[Taken]:
    """A result that a second person must enter too (AFP), and one that she hears from somebody before she reads it."""
    return [
        _taken(options, clinic, resident(options, clinic, 211), "afp", Decimal("34.7"), "ng/mL", "Elecsys AFP"),
        _taken(
            options,
            clinic,
            resident(options, clinic, 212, ages=rates.CERVICAL_AGES, women=1.0),
            "cytology",
            "cancer",
        ),
    ]


def strays(options: Options, *, clinic: Site, actor: Actor) -> None:
    """Two results that nobody could give to anybody: a machine's, of an unknown tube; a file's, with another birth."""
    facility = _facility(clinic)
    day = days_ago(options, 1)
    lost, known = resident(options, clinic, 203), resident(options, clinic, 201)
    park_result(
        payload=f"MSH|^~\\&|OCSENSOR|{clinic.code}|||{day:%Y%m%d}0915||ORU^R01|7731|P|2.5\rOBX|1|NM|FIT||142|ng/mL",
        fields={"specimen_id": "2611-00731", "test": "fit", "value": "142", "unit": "ng/mL", "collected_on": day,
                "full_name": lost.name.text, "kit": "OC-Sensor"},
        reason="specimen_unknown", source="hl7v2", facility=facility, actor=actor,
    )  # fmt: skip
    born = known.born.replace(year=known.born.year - 1, day=min(known.born.day, 28))
    park_result(
        payload=f"{known.name.text};{born:%d/%m/%Y};{known.cccd};FIT;8,4;ug/g;{day:%d/%m/%Y}",
        fields={"full_name": known.name.text, "birth_date": born, "cccd": known.cccd, "sex": known.sex, "test": "fit",
                "value": "8,4", "unit": "ug/g", "kit": "OC-Sensor", "collected_on": day},
        reason="person_differs", source="file", facility=facility, actor=actor,
    )  # fmt: skip


def _taken(
    options: Options, clinic: Site, person: Person, test: str, value: Decimal | str, unit: str = "", kit: str = ""
) -> Taken:
    collected = days_ago(options, 4)
    specimen = f"{collected:%y}-{person.number % 1_000_000:06d}"
    return Taken(person, clinic, test, specimen, collected, days_ago(options, 1), value, unit, kit)


def _facility(clinic: Site) -> Facility:
    return Facility(organization_id=clinic.id, code=clinic.code)


def _order(person: Person) -> str:
    return f"{person.id}-order"


def _barcode(clinic: Site, number: int) -> str:
    return barcode_of(clinic.code, _BARCODES + number)
