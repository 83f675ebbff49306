"""The demo city with one district and a day's work in it: what only people's acts bring about."""

from decimal import Decimal
from pathlib import Path
from typing import Any

from django.utils import timezone

from fhir.models import Resource
from healthhub.accounts.actors import SYSTEM, Actor, Role
from healthhub.accounts.demo import DEMO_DOMAIN
from healthhub.accounts.models import User
from records.access.emergencies import open_record
from records.memberships import actor_for_user
from records.models import CareRelation, Citizen, Facility
from records.rights.requests import ask_about_record
from records.staff import invite_staff
from screening.activation import ask_dry_run, propose_protocol, run_asked
from screening.appointments.booking import book
from screening.demo.load import load
from screening.demo.plan import Options
from screening.failsafe.batch_work import work_on
from screening.failsafe.batches import ask_closing, ask_hand_over
from screening.failsafe.closing import close_step
from screening.failsafe.filters import Asked
from screening.failsafe.handover import remind
from screening.failsafe.nightly import run_nightly
from screening.failsafe.scope import Scope
from screening.imports.batches import approve_batch, decide_row, queue_batch
from screening.imports.leaving import Leaving
from screening.imports.running import run_batch
from screening.laboratory.verifying import confirm_entry
from screening.machines.receiving import receive
from screening.messages import Outgoing, queue
from screening.messages.letters import gather, print_batch
from screening.models import (
    Episode,
    Message,
    ScreeningResult,
    Session,
)
from screening.recall.decisions import opt_out
from screening.results import correct_result, enter_result, withdraw_result
from tests.screening.importing import csv_text, person
from tests.screening.machine_messages import OBR, OBX, PID, connection_of, message
from tests.screening.protocol_drafts import colorectal_text, in_days

CLINIC = "demo-01901"
ROWS = 200


def fill(folder: Path) -> None:
    """The city with one district, and a day's work in it. ``screening.demo.present`` must give all recent tests."""
    assert load(Options(tests=ROWS, seed=1, districts=("005",), today=timezone.localdate()), processes=1)
    clinic = Facility.objects.get(pk=CLINIC)
    _acts_of_the_laboratory(clinic, folder)
    _acts_of_the_clinic(clinic)
    _an_emergency(clinic)
    _acts_of_the_officer(clinic)
    _acts_of_the_administrator()
    citizen = _actor("citizen")
    assert citizen.patient
    opt_out(patient=citizen.patient, programme="breast", reason="no-reason", actor=citizen)
    slot = Session.objects.get(pk="demo1-session-c1").slots.order_by("-starts_at").first()
    assert slot
    book(patient_id=citizen.patient, slot_id=slot.pk, actor=citizen)
    entry = Resource.objects.filter(type="Observation", patient=citizen.patient, facility=clinic.pk)[0]
    for about in (("Observation", entry.id), None):
        ask_about_record(kind="correct", text="Ngày này tôi không đi khám.", about=about, actor=citizen)


def _acts_of_the_laboratory(clinic: Facility, folder: Path) -> None:
    actor = _actor("laboratory")
    first = ScreeningResult.objects.get(test="afp")
    fields: dict[str, Any] = {"test": "afp", "unit": "ng/mL", "kit": "Elecsys AFP", "collected_on": first.collected_on}
    specimen = first.specimen_id
    confirm_entry(
        result=first, facility=clinic, actor=actor, fields=fields | {"value": Decimal("43.7"), "specimen_id": specimen}
    )
    enter_result(facility=clinic, actor=SYSTEM, patient_id="demo1-01901-r00204", value=Decimal("3.1"), **fields)
    path = folder / "tháng này.csv"
    for text in (
        csv_text([person(1), person(2, sex="?"), person(3, result="nhiều")]),
        "Mã,Kết luận,Tên\nA1,âm tính,Lan",
    ):
        path.write_text(text)
        with path.open("rb") as file:
            user = User.objects.get(email=f"laboratory@{DEMO_DOMAIN}")
            run_batch(queue_batch(file=file, filename=path.name, uploader=user, actor=actor).pk)
    _leave_a_positive(folder / "tháng trước.csv", actor)
    connection_of(clinic)
    receive(message(), peer="127.0.0.1")
    receive(message(PID, OBR, OBX.replace("|12.5|", "|nhiều|"), control="M2"), peer="127.0.0.1")


def _leave_a_positive(path: Path, actor: Actor) -> None:
    """A file of which a positive row was left out, and one is wrong."""
    path.write_text(csv_text([person(11, result="80"), person(12), person(13, result="nhiều")]))
    user = User.objects.get(email=f"laboratory@{DEMO_DOMAIN}")
    with path.open("rb") as file:
        batch = queue_batch(file=file, filename=path.name, uploader=user, actor=actor)
    run_batch(batch.pk)
    decide_row(row=batch.rows.get(row=2), decision="left", actor=actor, leaving=Leaving("control"))
    approve_batch(batch=batch, kinds=["new"], approver=user, actor=actor)
    run_batch(batch.pk)


def _acts_of_the_clinic(clinic: Facility) -> None:
    actor, today = _actor("clinician"), timezone.localdate()
    hpv16 = Episode.objects.get(patient="demo1-01901-n00011")
    close_step(episode=hpv16, reason="declined", on=today, actor=actor, note="Đã tư vấn hai lần.")
    moved = Episode.objects.get(patient="demo1-01901-n00016")
    close_step(episode=moved, reason="moved_away", on=today, actor=actor, evidence="Công an phường xác nhận.")
    lost = enter_result(
        facility=clinic, actor=actor, patient_id="demo1-01901-r00204", test="fit", value=Decimal("88"), unit="ug/g",
        kit="OC-Sensor", collected_on=today, specimen_id="L-1",
    )  # fmt: skip
    withdraw_result(observation_id=lost.id, actor=actor)
    referred = ScreeningResult.objects.get(patient="demo1-01901-n00001")
    correct_result(
        observation_id=referred.pk, facility=clinic, actor=actor, patient_id=referred.patient_id, test="fit",
        value=Decimal("12.4"), unit="ug/g", kit="OC-Sensor", collected_on=referred.collected_on,
        specimen_id=referred.specimen_id, note="Nhập nhầm ống.",
    )  # fmt: skip


def _an_emergency(clinic: Facility) -> None:
    """Somebody whom the clinic does not know is brought in unconscious."""
    known = CareRelation.objects.filter(facility=clinic).values("patient")
    stranger = Citizen.objects.filter(active=True, deceased=False).exclude(pk__in=known).order_by("pk")[0]
    open_record(patient=stranger.pk, reason="unconscious", told="Cấp cứu 115 đưa đến.", actor=_actor("clinician"))


def _acts_of_the_officer(clinic: Facility) -> None:
    actor = _actor("officer")
    run_nightly(timezone.localdate())  # finds the positive that was taken back
    asked, today = Asked(level="open", programme="colorectal", step="repeat_fit"), timezone.localdate()
    rounds = asked.rounds(Scope(None, None, names=True), today)
    other = Facility.objects.filter(code__isnull=False, active=True).exclude(pk=clinic.pk).first()
    assert other
    given = ask_hand_over(rounds, asked=asked.address, target=other, note="Trạm đã đóng cửa", actor=actor)
    work_on(given.pk, seconds=9)
    ask_closing(rounds, asked=asked.address, reason="unreachable", on=today, evidence="Biên bản số 7", actor=actor)
    remind(facility=clinic, overdue=3, text="Ưu tiên người chờ nội soi.", actor=actor)
    nobody = Citizen.objects.filter(phone="").first()
    assert nobody
    queue([Outgoing(nobody.pk, "invitation", "campaign/1", facility=None)], actor=actor)
    Message.objects.filter(about="campaign/1").update(facility=None)  # the department's own
    for batch in gather():
        print_batch(batch)
    draft = propose_protocol(text=colorectal_text(valid_from=in_days(60)), actor=actor)
    ask_dry_run(version_id=draft.pk, actor=actor)
    run_asked(version_id=draft.pk)


def _acts_of_the_administrator() -> None:
    invite_staff(
        email="tiep.don@station.example",
        name="Nguyễn Thị Hạnh",
        role=Role.REGISTRAR,
        actor=_actor("facility_admin"),
    )


def _actor(role: str) -> Actor:
    actor = actor_for_user(User.objects.get(email=f"{role}@{DEMO_DOMAIN}"))
    assert actor
    return actor
