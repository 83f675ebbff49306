"""Every page that can be shown, by room; ``city_at_work`` has something to see on each."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from django.urls import reverse

from healthhub.accounts.demo import DEMO_DOMAIN
from records.models import Citizen, EmergencyAccess, Membership, RecordRequest, StaffInvitation
from records.staff import token_of
from screening.imports.left import waiting
from screening.laboratory.matching import unmatched
from screening.models import (
    Appointment,
    Decision,
    EntryDifference,
    Episode,
    EpisodeEvent,
    FailsafeAlarm,
    ImportBatch,
    Kit,
    LetterBatch,
    MachineMessage,
    Message,
    ProtocolVersion,
    ScreeningResult,
    StepBatch,
)
from tests.journeys.city_at_work import CLINIC


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


def rooms() -> dict[str, list[Visit]]:
    """All of them, by the room that they are in; one person at most goes into a room."""
    return {
        "open": _open(),
        "mine": _mine(),
        "clinic": _clinic(),
        "people": _about_people(),
        "laboratory": _laboratory(),
        "city": _city(),
        "audit": _audit(),
        "roles": [Visit("roles", "doctor")],
        "facility": _facility(),
        "system": [Visit(name, "admin") for name in ("staff", "staff-invite")],
    }


def _open() -> list[Visit]:
    token = Message.objects.filter(patient__isnull=False).first()
    assert token
    ways_in = ("login", "signup", "inactive", "reset_password", "reset_password_done")
    return [
        *(
            Visit(name, "")
            for name in ("home", "citizen_sign_in", "clinic-station-app", *(f"account_{way}" for way in ways_in))
        ),
        Visit("message", "", {"token": token.token}),
        Visit("invitation-open", "", {"token": token_of(StaffInvitation.objects.get())}),
    ]


def _facility() -> list[Visit]:
    of = Membership.objects.get(user__email=f"laboratory@{DEMO_DOMAIN}")
    return [
        *(Visit(name, "facility_admin") for name in ("staff", "staff-invite")),
        Visit("staff-end", "facility_admin", {"membership_id": of.pk}),
    ]


def _mine() -> list[Visit]:
    me = "demo1-citizen"
    mine = Appointment.objects.get(patient=me)
    decision = Decision.objects.get(patient=me)
    result = ScreeningResult.objects.filter(patient=me).latest("collected_on")
    names = (
        "me",
        "me-record",
        "me-download",
        "me-requests",
        "me-request-new",
        "me-access",
        "me-results",
        "me-appointments",
        "me-screening",
    )
    return [
        *(Visit(name, "citizen") for name in (*names, "me-messages", "me-messages-preferences")),
        *(Visit(f"account_{name}", "citizen") for name in ("change_password", "reauthenticate", "logout", "sessions")),
        *(Visit(f"mfa_{name}", "citizen") for name in ("index", "activate_totp", "add_webauthn")),
        Visit("mfa_generate_recovery_codes", "citizen"),
        Visit("me-record-group", "citizen", {"group": "conditions"}),
        Visit("my-apps", "citizen"),
        Visit("me-result", "citizen", {"observation_id": result.pk}),
        Visit("me-appointment-new", "citizen", query="?service=assessment.colorectal.colonoscopy"),
        Visit("me-appointment-cancel", "citizen", {"appointment_id": mine.pk}),
        Visit("me-screening-decide", "citizen", {"programme": "cervical", "kind": "defer"}),
        Visit("me-screening-decide", "citizen", {"programme": "cervical", "kind": "opt-out"}),
        Visit("me-screening-undo", "citizen", {"request_id": decision.pk}),
    ]


def _resident(number: int) -> str:
    """Somebody of the demo clinic's rooms (``screening.demo.cast``)."""
    return Citizen.objects.get(pk__endswith=f"-r{number:05d}").pk


def _clinic() -> list[Visit]:
    booked = Appointment.objects.filter(facility=CLINIC, status="booked").exclude(patient="demo1-citizen").first()
    assert booked
    batch = LetterBatch.objects.filter(facility=CLINIC).latest("letters")
    left = waiting(CLINIC).filter(state="left")[0]
    plain = (
        *("clinic", "clinic-people", "clinic-present", "clinic-register", "clinic-forgotten", "clinic-closed"),
        *("clinic-notices", "clinic-appointments", "clinic-appointments-close", "clinic-appointments-waiting"),
        *("clinic-sessions", "clinic-session-new", "clinic-recall", "clinic-letters", "clinic-messages"),
        *("clinic-station",),
    )
    asked = RecordRequest.objects.filter(facility=CLINIC).latest("pk")
    return [
        *(Visit(name, "clinician") for name in plain),
        *(Visit("requests", "clinician", query=query) for query in ("", "?tab=over")),
        Visit("request", "clinician", {"request_id": asked.pk}),
        *(Visit("clinic", "clinician", query=f"?tab={tab}") for tab in ("week", "waiting", "missed")),
        Visit("clinic-bulk-all", "clinician", query="?tab=open"),
        *(Visit("clinic-recall", "clinician", query=f"?tab={one}") for one in ("ceased", "review", "out")),
        *(
            Visit("clinic-recall-excluded", "clinician", {"programme": "cervical"}, f"?state={one}")
            for one in ("open", "reviewed")
        ),
        Visit("clinic-exclusion-withdraw", "clinician", {"patient_id": _resident(353), "programme": "cervical"}),
        *(Visit("clinic-person", "clinician", {"patient_id": _resident(number)}) for number in range(351, 356)),
        Visit("clinic-session", "clinician", {"session_id": "demo1-session-k0"}),
        Visit("clinic-session-cancel", "clinician", {"session_id": "demo1-session-c2"}),
        Visit("clinic-appointment", "clinician", {"appointment_id": booked.pk}),
        Visit("clinic-appointment-cancel", "clinician", {"appointment_id": booked.pk}),
        Visit("clinic-letters-batch", "clinician", {"batch_id": batch.pk}),
        Visit("clinic-recall-places", "clinician", {"programme": "colorectal"}),
        Visit("clinic-imports-settle-file", "clinician", {"batch_id": left.batch_id}),
    ]


def _audit() -> list[Visit]:
    opening = EmergencyAccess.objects.get()
    names = [Visit("audit-emergencies", "auditor", query=query) for query in ("", "?tab=done")]
    return [*names, Visit("audit-emergency", "auditor", {"opening_id": opening.pk})]


def _about_people() -> list[Visit]:
    opened = EmergencyAccess.objects.get()
    waiting = ScreeningResult.objects.get(patient="demo1-01901-n00008")  # a fresh positive FIT
    chain = ScreeningResult.objects.get(patient="demo1-01901-r00103")  # the team meets these days
    closed = Episode.objects.get(patient="demo1-01901-n00011")
    her, about = {"patient_id": waiting.patient_id}, {"patient_id": waiting.patient_id, "observation_id": waiting.pk}
    return [
        Visit("clinic-person", "clinician", {"patient_id": "demo1-01901-r00101"}),
        Visit("clinic-person", "clinician", {"patient_id": "demo1-01901-n00001"}),
        Visit("clinic-person", "clinician", {"patient_id": opened.patient_id}),
        Visit("clinic-person-emergency", "clinician", {"patient_id": "somebody"}),
        Visit("clinic-emergency", "clinician"),
        Visit("clinic-person-messages", "clinician", {"patient_id": _told()}),
        Visit("clinic-contact", "clinician", her | {"programme": "colorectal"}),
        Visit("clinic-appointment-new", "clinician", her, "?service=assessment.colorectal.colonoscopy"),
        Visit("person-apps", "clinician", her),
        Visit("clinic-walk-in", "clinician", her),
        Visit("clinic-smoking", "clinician", her),
        Visit("clinic-orders", "clinician", her),
        Visit("clinic-result-new", "clinician", her),
        Visit("clinic-result-new", "clinician", her, "?test=fit"),
        Visit("clinic-result-correct", "clinician", about),
        Visit("clinic-result-withdraw", "clinician", about),
        Visit("clinic-refer", "clinician", about),
        Visit("clinic-assess", "clinician", about),
        Visit("clinic-assess", "clinician", {"patient_id": chain.patient_id, "observation_id": chain.pk}),
        *(Visit(f"clinic-step-{act}", "clinician", step) for act in ("correct", "withdraw") for step in _steps(chain)),
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


def _steps(result: ScreeningResult) -> list[dict[str, str]]:
    """What was recorded of the round's steps: an examination, a report and a stage."""
    said = EpisodeEvent.objects.filter(episode=result.episode, fact="assessed").order_by("occurred_on")
    keys = said.values_list("source_type", "source_id")
    return [{"patient_id": result.patient_id, "kind": kind, "source_id": name} for kind, name in keys]


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
        Visit("city-recall-differences", "officer", {"programme": "colorectal", "kind": "wrong"}),
        Visit("city-recall-excluded", "officer", {"programme": "cervical"}),
        Visit("city-letters-batch", "officer", {"batch_id": LetterBatch.objects.get(facility=None).pk}),
        Visit("city-protocol", "officer", {"programme": "colorectal", "version": "2026.1"}),
        Visit("city-protocol-draft", "officer", {"version_id": draft.pk}),
    ]


def _told() -> str:
    about = Message.objects.filter(facility=CLINIC).values_list("patient", flat=True).first()
    assert about
    return about


def _batches() -> tuple[int, int]:
    review, mapping = ImportBatch.objects.order_by("pk").values_list("pk", flat=True)[:2]
    return review, mapping
