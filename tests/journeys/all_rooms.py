"""Every page that can be shown, with something on it: the demo city, and what only people's acts bring about."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from django.urls import reverse
from django.utils import timezone

from healthhub.accounts.actors import SYSTEM, Actor
from healthhub.accounts.demo import DEMO_DOMAIN
from healthhub.accounts.models import User
from records.memberships import actor_for_user
from records.models import Citizen, Facility
from screening.activation import ask_dry_run, propose_protocol, run_asked
from screening.appointments.booking import book
from screening.demo.load import load
from screening.demo.plan import Options
from screening.failsafe.batches import ask_closing, ask_hand_over, work_on
from screening.failsafe.closing import close_step
from screening.failsafe.filters import Asked
from screening.failsafe.handover import remind
from screening.failsafe.nightly import run_nightly
from screening.failsafe.scope import Scope
from screening.imports.batches import approve_batch, decide_row, queue_batch
from screening.imports.leaving import Leaving
from screening.imports.left import waiting
from screening.imports.running import run_batch
from screening.laboratory.matching import unmatched
from screening.laboratory.verifying import confirm_entry
from screening.machines.receiving import receive
from screening.messages import Outgoing, queue
from screening.messages.letters import gather, print_batch
from screening.models import (
    Appointment,
    Decision,
    EntryDifference,
    Episode,
    FailsafeAlarm,
    ImportBatch,
    Kit,
    LetterBatch,
    MachineMessage,
    Message,
    ProtocolVersion,
    ScreeningResult,
    Session,
    StepBatch,
)
from screening.recall.decisions import opt_out
from screening.results import correct_result, enter_result, withdraw_result
from tests.screening.importing import csv_text, person
from tests.screening.machine_messages import OBR, OBX, PID, connection_of, message
from tests.screening.protocol_drafts import colorectal_text, in_days

CLINIC = "demo-01901"
ROWS = 200


class Visit(NamedTuple):
    """A page, who opens it ("" for anybody) and where it is; ``query`` with its question mark."""

    name: str
    who: str
    kwargs: Mapping[str, Any] = {}
    query: str = ""

    @property
    def address(self) -> str:
        """As the browser's line shows it."""
        return reverse(self.name, kwargs=dict(self.kwargs)) + self.query


def fill(folder: Path) -> None:
    """The city with one district, and a day's work in it. ``screening.demo.present`` must give all recent tests."""
    assert load(Options(tests=ROWS, seed=1, districts=("005",), today=timezone.localdate()), processes=1)
    clinic = Facility.objects.get(pk=CLINIC)
    _acts_of_the_laboratory(clinic, folder)
    _acts_of_the_clinic(clinic)
    _acts_of_the_officer(clinic)
    citizen = _actor("citizen")
    assert citizen.patient
    opt_out(patient=citizen.patient, programme="breast", reason="no-reason", actor=citizen)
    slot = Session.objects.get(pk="demo1-session-c1").slots.order_by("-starts_at").first()
    assert slot
    book(patient_id=citizen.patient, slot_id=slot.pk, actor=citizen)


def rooms() -> dict[str, list[Visit]]:
    """All of them, by the room that they are in; one person at most goes into a room."""
    return {
        "open": _open(),
        "mine": _mine(),
        "clinic": _clinic(),
        "people": _about_people(),
        "laboratory": _laboratory(),
        "city": _city(),
    }


def _open() -> list[Visit]:
    token = Message.objects.filter(patient__isnull=False).first()
    assert token
    ways_in = ("login", "signup", "inactive", "reset_password", "reset_password_done")
    return [
        *(Visit(name, "") for name in ("home", "clinic-station-app", *(f"account_{way}" for way in ways_in))),
        Visit("message", "", {"token": token.token}),
    ]


def _mine() -> list[Visit]:
    me = "demo1-citizen"
    mine = Appointment.objects.get(patient=me)
    decision = Decision.objects.get(patient=me)
    result = ScreeningResult.objects.filter(patient=me).latest("collected_on")
    names = ("me", "me-record", "me-access", "me-results", "me-appointments", "me-screening")
    return [
        *(Visit(name, "citizen") for name in (*names, "me-messages", "me-messages-preferences")),
        *(Visit(f"account_{name}", "citizen") for name in ("change_password", "reauthenticate", "logout")),
        Visit("me-record-group", "citizen", {"group": "conditions"}),
        Visit("me-result", "citizen", {"observation_id": result.pk}),
        Visit("me-appointment-new", "citizen", query="?service=assessment.colorectal.colonoscopy"),
        Visit("me-appointment-cancel", "citizen", {"appointment_id": mine.pk}),
        Visit("me-screening-decide", "citizen", {"programme": "cervical", "kind": "defer"}),
        Visit("me-screening-decide", "citizen", {"programme": "cervical", "kind": "opt-out"}),
        Visit("me-screening-undo", "citizen", {"request_id": decision.pk}),
    ]


def _clinic() -> list[Visit]:
    booked = Appointment.objects.filter(facility=CLINIC, status="booked").exclude(patient="demo1-citizen").first()
    assert booked
    batch = LetterBatch.objects.filter(facility=CLINIC).latest("letters")
    plain = (
        *("clinic", "clinic-people", "clinic-present", "clinic-register", "clinic-forgotten", "clinic-closed"),
        *("clinic-notices", "clinic-appointments", "clinic-appointments-close", "clinic-appointments-waiting"),
        *("clinic-sessions", "clinic-session-new", "clinic-recall", "clinic-letters", "clinic-messages"),
        *("clinic-station",),
    )
    return [
        *(Visit(name, "clinician") for name in plain),
        *(Visit("clinic", "clinician", query=f"?tab={tab}") for tab in ("week", "waiting", "missed")),
        *(Visit("clinic-recall", "clinician", query=f"?tab={one}") for one in ("ceased", "review", "out")),
        Visit("clinic-session", "clinician", {"session_id": "demo1-session-k0"}),
        Visit("clinic-session-cancel", "clinician", {"session_id": "demo1-session-c2"}),
        Visit("clinic-appointment", "clinician", {"appointment_id": booked.pk}),
        Visit("clinic-appointment-cancel", "clinician", {"appointment_id": booked.pk}),
        Visit("clinic-letters-batch", "clinician", {"batch_id": batch.pk}),
        Visit("clinic-recall-places", "clinician", {"programme": "colorectal"}),
    ]


def _about_people() -> list[Visit]:
    waiting = ScreeningResult.objects.get(patient="demo1-01901-n00008")  # a fresh positive FIT
    chain = ScreeningResult.objects.get(patient="demo1-01901-r00103")  # the team meets these days
    closed = Episode.objects.get(patient="demo1-01901-n00011")
    her, about = {"patient_id": waiting.patient_id}, {"patient_id": waiting.patient_id, "observation_id": waiting.pk}
    return [
        Visit("clinic-person", "clinician", {"patient_id": "demo1-01901-r00101"}),
        Visit("clinic-person", "clinician", {"patient_id": "demo1-01901-n00001"}),
        Visit("clinic-person-messages", "clinician", {"patient_id": _told()}),
        Visit("clinic-contact", "clinician", her | {"programme": "colorectal"}),
        Visit("clinic-appointment-new", "clinician", her, "?service=assessment.colorectal.colonoscopy"),
        Visit("clinic-walk-in", "clinician", her),
        Visit("clinic-orders", "clinician", her),
        Visit("clinic-result-new", "clinician", her),
        Visit("clinic-result-new", "clinician", her, "?test=fit"),
        Visit("clinic-result-correct", "clinician", about),
        Visit("clinic-result-withdraw", "clinician", about),
        Visit("clinic-refer", "clinician", about),
        Visit("clinic-assess", "clinician", about),
        Visit("clinic-assess", "clinician", {"patient_id": chain.patient_id, "observation_id": chain.pk}),
        Visit("clinic-close", "clinician", her | {"episode_id": waiting.episode_id}),
        Visit("clinic-reopen", "clinician", {"patient_id": closed.patient_id, "episode_id": closed.pk}),
        *(
            Visit("clinic-recall-decide", "clinician", her | {"programme": "colorectal", "kind": kind})
            for kind in ("defer", "opt-out", "cease")
        ),
        Visit(
            "clinic-recall-undo",
            "clinician",
            {"patient_id": "demo1-01901-r00301", "request_id": "demo1-01901-r00301-decision"},
        ),
    ]


def _laboratory() -> list[Visit]:
    kits = list(Kit.objects.order_by("barcode").values_list("barcode", flat=True))
    lost = unmatched(CLINIC).first()
    review, mapping = _batches()
    difference, second = EntryDifference.objects.get(), ScreeningResult.objects.filter(status="preliminary").last()
    taken, refused = MachineMessage.objects.get(accepted=True), MachineMessage.objects.get(accepted=False)
    assert lost
    assert second
    codes = "&".join(f"code={code}" for code in kits)
    plain = ("clinic-bench", "clinic-rack", "clinic-receive", "clinic-send", "clinic-specimens", "clinic-kits")
    more = (
        "clinic-tell",
        "clinic-verify",
        "clinic-matching",
        "clinic-matching-new",
        "clinic-imports",
        "clinic-imports-left",
        "clinic-machines",
        "clinic-machine-new",
    )
    return [
        *(Visit(name, "laboratory") for name in (*plain, *more, "clinic-imports")),
        *(Visit("clinic-specimens", "laboratory", query=f"?kind={kind}&all=1") for kind in ("orders", "kits")),
        Visit("clinic-reject", "laboratory", {"barcode": kits[3]}),
        Visit("clinic-tube", "laboratory", {"barcode": kits[3]}),
        *(Visit("clinic-labels", "laboratory", query=f"?paper={one}&{codes}") for one in ("sheet", "roll", "slip")),
        Visit("clinic-second", "laboratory", {"observation_id": second.pk}),
        Visit("clinic-settle", "laboratory", {"difference_id": difference.pk}),
        Visit("clinic-matching-one", "laboratory", {"unmatched_id": lost.pk}),
        Visit("clinic-matching-person", "laboratory", {"unmatched_id": lost.pk, "patient_id": "demo1-01901-r00203"}),
        Visit("clinic-import", "laboratory", {"batch_id": review}),
        Visit("clinic-import", "laboratory", {"batch_id": review}, "?tab=error"),
        Visit("clinic-import-columns", "laboratory", {"batch_id": mapping}),
        Visit("clinic-import-cancel", "laboratory", {"batch_id": review}),
        Visit("clinic-imports-left", "laboratory", query="?tab=all"),
        Visit("clinic-imports-settle", "laboratory", {"row_id": waiting(CLINIC).order_by("-pk")[0].pk}),
        *(Visit("clinic-machine-message", "laboratory", {"message_id": one.pk}) for one in (taken, refused)),
        Visit("clinic-machine-change", "laboratory", {"connection_id": taken.connection_id}),
    ]


def _city() -> list[Visit]:
    draft = ProtocolVersion.objects.get()
    late = Episode.objects.exclude(state="closed").order_by("due_on").first()
    assert late
    plain = (
        *("city", "city-failsafe", "city-failsafe-people", "city-forgotten", "city-recall", "city-letters"),
        *("city-batches", "city-closings"),
    )
    waiting, done = StepBatch.objects.order_by("-pk").values_list("pk", flat=True)
    alarm = FailsafeAlarm.objects.get(check_name="positive_withdrawn", gone_on__isnull=True)
    return [
        *(Visit(name, "officer") for name in (*plain, "city-protocols", "city-protocol-upload")),
        Visit("city-texts", "officer"),
        Visit("city-texts-group", "officer", {"group": "messages"}),
        Visit("city-texts-group", "officer", {"group": "breast"}),
        Visit("city-recall", "officer", query="?programme=colorectal"),
        Visit("city-failsafe-people", "officer", query="?level=open&programme=colorectal&year=2017"),
        Visit("city-failsafe-handover", "officer", {"episode_id": late.pk}),
        *(Visit("city-batch-ask", "officer", {"action": one}, "?level=open") for one in ("close", "hand-over")),
        *(Visit("city-batch", "officer", {"batch_id": one}) for one in (waiting, done)),
        Visit("city-alarm-review", "officer", {"alarm_id": alarm.pk}),
        Visit("city-failsafe-remind", "officer", {"facility_id": CLINIC}),
        Visit("city-recall-places", "officer", {"programme": "colorectal", "facility_id": CLINIC}),
        Visit("city-recall-differences", "officer", {"programme": "colorectal", "kind": "missing"}),
        Visit("city-letters-batch", "officer", {"batch_id": LetterBatch.objects.get(facility=None).pk}),
        Visit("city-protocol", "officer", {"programme": "colorectal", "version": "2026.1"}),
        Visit("city-protocol-draft", "officer", {"version_id": draft.pk}),
    ]


def _told() -> str:
    about = Message.objects.filter(facility=CLINIC).values_list("patient", flat=True).first()
    assert about
    return about


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


def _batches() -> tuple[int, int]:
    review, mapping = ImportBatch.objects.order_by("pk").values_list("pk", flat=True)[:2]
    return review, mapping


def _actor(role: str) -> Actor:
    actor = actor_for_user(User.objects.get(email=f"{role}@{DEMO_DOMAIN}"))
    assert actor
    return actor
