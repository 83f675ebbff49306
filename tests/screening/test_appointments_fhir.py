"""A clinic's software books, changes and cancels over FHIR by the rules of the pages."""

import json
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from oauth2_provider.models import AccessToken, Application

from fhir import store
from healthhub.accounts.actors import SYSTEM, Role
from healthhub.accounts.oauth.clients import add_client
from healthhub.accounts.oauth.models import Kind
from records.models import Membership
from records.tokens import forget_tokens
from screening.appointments import booking
from screening.models import Appointment, AppointmentEvent, Slot
from tests.screening.appointment_room import COLONOSCOPY, in_days, planned, slots_of
from tests.screening.conftest import make_patient

pytestmark = pytest.mark.django_db


class Software:
    """A client of /fhir."""

    def __init__(self, facility):
        Membership.objects.create(client_id=facility.code, role=Role.CLIENT.value, facility=facility)
        add_client(
            facility.code, name=facility.name, kind=Kind.SERVICE, scopes=["system/*.cruds"], facility=facility.pk
        )
        client = Application.objects.get(client_id=facility.code)
        token = f"token-{facility.code}"
        AccessToken.objects.create(
            application=client, token=token, expires=timezone.now() + timedelta(hours=1), scope="system/*.cruds"
        )
        forget_tokens()
        self.headers = {"Authorization": f"Bearer {token}"}

    def send(self, method, path, resource=None, **headers):
        body = json.dumps(resource) if resource else ""
        answer = Client().generic(
            method, f"/fhir/{path}", body, content_type="application/fhir+json", headers=self.headers | headers
        )
        return answer.status_code, json.loads(answer.content) if answer.content else None


def appointment(patient, slot, status="booked"):
    return {
        "resourceType": "Appointment",
        "status": status,
        "start": slot["start"],
        "end": slot["end"],
        "slot": [{"reference": f"Slot/{slot['id']}"}],
        "participant": [{"actor": {"reference": f"Patient/{patient}"}, "status": "accepted"}],
    }


def free_slots(software):
    status, bundle = software.send("GET", f"Slot?status=free&start=ge{in_days(0)}&_sort=start")
    assert status == 200
    return [entry["resource"] for entry in bundle["entry"]] if bundle.get("entry") else []


def test_software_lists_free_slots_books_changes_and_cancels(station, man):
    software = Software(station)
    planned(station)
    first, second = free_slots(software)
    status, made = software.send("POST", "Appointment", appointment(man, first))
    assert (status, [slot["id"] for slot in free_slots(software)]) == (201, [second["id"]])
    moved = appointment(man, second) | {"id": made["id"]}
    assert software.send("PUT", f"Appointment/{made['id']}", moved)[0] == 200
    assert [slot["id"] for slot in free_slots(software)] == [first["id"]]
    assert software.send("PUT", f"Appointment/{made['id']}", moved | {"status": "cancelled"})[0] == 200
    assert len(free_slots(software)) == 2
    assert list(AppointmentEvent.objects.order_by("pk").values_list("to_status", flat=True)) == [
        "booked",
        "booked",
        "cancelled",
    ]


def test_software_and_page_refuse_and_keep_the_same(station, clinician, man):
    other = make_patient(station, name="Lê Văn Ba", gender="male", born="1960-03-12")
    software = Software(station)
    booking.book(patient_id=man, slot_id=slots_of(planned(station, minutes=60))[0].pk, actor=clinician)
    slot = software.send("GET", f"Slot/{Slot.objects.get().pk}")[1]
    assert slot["status"] == "busy"
    status, outcome = software.send("POST", "Appointment", appointment(other, slot))
    assert (status, outcome["issue"][0]["code"]) == (422, "conflict")
    status, outcome = software.send("POST", "Appointment", appointment(man, slot))
    assert (status, {issue["code"] for issue in outcome["issue"]}) == (409, {"conflict", "duplicate"})


def test_what_software_and_pages_write_is_the_same_row(station, clinician):
    one, two = (make_patient(station, name=f"Lê Văn {n}", gender="male", born="1960-03-12") for n in "AB")
    software = Software(station)
    planned(station, minutes=60, places=2)
    slot = free_slots(software)[0]
    software.send("POST", "Appointment", appointment(one, slot))
    booking.book(patient_id=two, slot_id=slot["id"], actor=clinician)
    rows = [
        {key: value for key, value in row.items() if key not in ("appointment_id", "patient_id", "queued_at")}
        for row in Appointment.objects.values()
    ]
    assert rows[0] == rows[1]


def test_a_facility_adds_no_slots_to_anothers_session(station, laboratory):
    session = planned(station)
    slot = slots_of(session)[0]
    resource = store.text.parse(store.tables.lock_existing([("Slot", slot.pk)])["Slot", slot.pk].content).resource
    foreign = {key: value for key, value in resource.items() if key not in ("id", "meta")}
    status, outcome = Software(laboratory).send("POST", "Slot", foreign)
    assert (status, outcome["issue"][0]["code"]) == (422, "forbidden")


def test_software_plans_its_own_sessions(station, man):
    software = Software(station)
    local = "https://healthhub.example/fhir/CodeSystem/screening"
    start, end = f"{in_days(6)}T08:00:00+07:00", f"{in_days(6)}T08:30:00+07:00"
    schedule = {
        "resourceType": "Schedule",
        "serviceCategory": [{"coding": [{"system": local, "code": "assessment"}]}],
        "serviceType": [
            {"coding": [{"system": local, "code": "programme-colorectal"}]},
            {"coding": [{"system": local, "code": "step-colonoscopy"}]},
        ],
        "actor": [{"display": "Phòng nội soi 2"}],
        "planningHorizon": {"start": start, "end": end},
    }
    made = software.send("POST", "Schedule", schedule)[1]
    slot = {"resourceType": "Slot", "status": "free", "start": start, "end": end}
    slot |= {"schedule": {"reference": f"Schedule/{made['id']}"}}
    assert software.send("POST", "Slot", slot)[0] == 201
    assert software.send("POST", "Appointment", appointment(man, free_slots(software)[0]))[0] == 201
    held = Appointment.objects.get()
    assert (held.kind, held.programme, held.step, held.facility_id) == (
        COLONOSCOPY.kind,
        COLONOSCOPY.programme,
        COLONOSCOPY.step,
        station.pk,
    )


def test_slots_are_for_all_to_read_and_say_nothing_of_people(station, laboratory, clinician, man):
    planned(station)
    stranger = Software(laboratory)
    assert len(free_slots(stranger)) == 2
    held = booking.book(patient_id=man, slot_id=Slot.objects.first().pk, actor=clinician)
    assert stranger.send("GET", f"Appointment/{held.id}")[0] == 404
    status, bundle = stranger.send("GET", "Slot")
    assert (status, man in json.dumps(bundle)) == (200, False)


def test_an_appointment_of_another_kind_is_left_alone(station, man):
    other = {
        "resourceType": "Appointment",
        "status": "booked",
        "start": "2020-01-01T08:00:00+07:00",
        "end": "2020-01-01T08:30:00+07:00",
        "participant": [{"actor": {"reference": f"Patient/{man}"}, "status": "accepted"}],
    }
    assert store.save(other, actor=SYSTEM, facility=station.pk).created
    assert Appointment.objects.count() == 0


def test_software_of_one_facility_books_at_another_which_then_knows_the_person(station, laboratory, man):
    planned(laboratory)
    software, there = Software(station), Software(laboratory)
    assert there.send("GET", f"Patient/{man}")[0] == 404
    status, made = software.send("POST", "Appointment", appointment(man, free_slots(software)[0]))
    assert (status, Appointment.objects.get().facility_id) == (201, laboratory.pk)
    assert there.send("GET", f"Appointment/{made['id']}")[0] == 200
    assert there.send("GET", f"Patient/{man}")[0] == 200
    changed = made | {"status": "cancelled"}
    assert there.send("PUT", f"Appointment/{made['id']}", changed)[0] == 200
    assert software.send("GET", f"Appointment/{made['id']}")[1]["status"] == "cancelled"
