"""A closing for good over FHIR: software asks, somebody else confirms, and nothing is closed before that."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from oauth2_provider.models import AccessToken, Application

from fhir.outcomes import Refused
from healthhub.accounts.actors import Actor, Role
from healthhub.accounts.models import User
from healthhub.accounts.oauth.clients import add_client
from healthhub.accounts.oauth.models import Kind
from records import memberships
from records.models import Facility, Membership
from screening.failsafe.closing import close_step, decide_closure
from screening.models import ClosureRequest, Episode
from screening.publishing.sweep import publish_noted
from screening.recall.refresh import refresh_noted
from tests.fhir.conftest import FhirClient, make_clinic
from tests.records.apps.app import BACK, App
from tests.screening.clinic_room import signed_in
from tests.screening.conftest import Sender, make_patient

pytestmark = pytest.mark.django_db
OFFICER = Actor("user:9", "Lê Minh Châu", Role.OFFICER)
LOCAL = "https://healthhub.example/fhir/CodeSystem/screening"


@pytest.fixture
def software(db: None) -> FhirClient:
    """A clinic's software."""
    return make_clinic("clinic", "Trạm y tế Dịch Vọng", "01901")


@pytest.fixture
def second(software: FhirClient) -> FhirClient:
    """Other software of the same clinic."""
    return another("clinic-2", software)


@pytest.fixture
def send(software: FhirClient) -> Sender:
    return Sender(Facility.objects.get(code="01901"))


@pytest.fixture
def man(send: Sender) -> str:
    """A man with a positive test."""
    patient = make_patient(send.facility, name="Nguyễn Văn Đức", gender="male", born="1960-03-12")
    send.fit(patient, "48.6", on="2024-05-06", specimen="A")
    return patient


def another(client_id: str, software: FhirClient) -> FhirClient:
    add_client(
        client_id, name=client_id, kind=Kind.SERVICE, scopes=["system/*.cruds"], facility=software.actor.facility
    )
    token = f"token-of-{client_id}"
    AccessToken.objects.create(
        application=Application.objects.get(client_id=client_id),
        token=token,
        expires=timezone.now() + timedelta(hours=1),
        scope="system/*.cruds",
    )
    Membership.objects.create(client_id=client_id, role=Role.CLIENT, facility_id=software.actor.facility)
    actor = memberships.actor_for_client(client_id)
    assert actor
    return FhirClient(Client(), token, actor)


def acting_for(email: str, facility: Facility) -> FhirClient:
    """An app that acts for a doctor of the facility."""
    user = User.objects.create_user(email, name=email)
    Membership.objects.create(user=user, role=Role.CLINICIAN, facility=facility)
    name = email.partition("@")[0]
    add_client(
        name,
        name="App",
        kind=Kind.CLINICIAN,
        scopes=["user/*.cruds"],
        facility=facility.pk,
        redirects=[BACK],
        public=True,
    )
    window = Client()
    window.force_login(user)
    token = App(name, window).token("user/*.cruds")["access_token"]
    actor = memberships.actor_for_user(user)
    assert actor
    return FhirClient(Client(), token, actor)


def local(code: str) -> dict[str, Any]:
    return {"coding": [{"system": LOCAL, "code": code}]}


def tasks(software: FhirClient, man: str, code: str) -> list[dict[str, Any]]:
    """What a search finds, once the sweep has run."""
    refresh_noted(timezone.localdate())
    publish_noted()
    answer = software.get(f"/Task?patient=Patient/{man}&code={LOCAL}|{code}")
    return [entry["resource"] for entry in answer.json().get("entry", ())]


def step_of(software: FhirClient, man: str) -> dict[str, Any]:
    (task,) = tasks(software, man, "step-colonoscopy")
    return task


def closing(software: FhirClient, man: str, **elements: Any) -> dict[str, Any]:
    """The request to close what she waits for."""
    step = step_of(software, man)
    return {
        "resourceType": "Task",
        "status": "requested",
        "intent": "proposal",
        "code": local("closing"),
        "focus": {"reference": f"Task/{step['id']}"},
        "for": {"reference": f"Patient/{man}"},
        "authoredOn": "2024-06-01",
        "reasonCode": local("reason-moved_away"),
        "note": [{"text": "Giấy tạm trú"}],
        "input": step["input"],
        **elements,
    }


def asked(software: FhirClient, man: str) -> dict[str, Any]:
    answer = software.post("/Task", closing(software, man))
    assert answer.status_code == 201, answer.content
    return answer.json() if answer.content else {}


def answered(client: FhirClient, task: str, status: str) -> tuple[int, str]:
    """(status, what is told) of answering a request."""
    stored = client.get(f"/Task/{task}").json()
    answer = client.put(f"/Task/{task}", {**stored, "status": status})
    return answer.status_code, answer.json()["issue"][0]["diagnostics"] if answer.status_code >= 400 else ""


def state() -> tuple[str, str]:
    episode = Episode.objects.get()
    return episode.state, episode.detail


def confirmed_by(who: Actor) -> None:
    decide_closure(request_id=ClosureRequest.objects.get(accepted__isnull=True).pk, accepted=True, actor=who)


def test_software_asks_and_no_software_confirms(software: FhirClient, second: FhirClient, man: str) -> None:
    task = asked(software, man)["id"]
    assert state() == ("assessment_due", "")  # nothing is closed by asking
    assert step_of(software, man)["status"] == "requested"
    status, told = answered(software, task, "completed")
    assert (status, told, state()) == (
        403,
        "Somebody else must confirm what you asked for.",
        ("assessment_due", ""),
    )
    status, told = answered(second, task, "completed")
    assert (status, told) == (403, "Only a person can confirm a closing: on a page, or by an app that acts for her.")
    confirmed_by(OFFICER)
    assert state() == ("closed", "moved_away")
    request = ClosureRequest.objects.get()
    assert (request.actor, request.second, request.evidence, f"{request.closed_on}") == (
        "client:clinic",
        "user:9",
        "Giấy tạm trú",
        "2024-06-01",
    )
    (after,) = tasks(software, man, "closing")
    assert (after["id"], after["status"], step_of(software, man)["status"]) == (task, "completed", "cancelled")


def test_other_software_may_let_the_step_go_on(software: FhirClient, second: FhirClient, man: str) -> None:
    task = asked(software, man)["id"]
    assert answered(second, task, "rejected") == (200, "")
    assert (state(), ClosureRequest.objects.get().accepted) == (("assessment_due", ""), False)


def test_what_software_asks_nobody_of_its_facility_confirms(software: FhirClient, send: Sender, man: str) -> None:
    """Whoever signs in there may be the one who stood before the software's screen."""
    task = asked(software, man)["id"]
    doctor = signed_in(Role.CLINICIAN, send.facility)
    page = doctor.get("/clinic/closed/")
    (line,) = page.context["asked"]
    assert (line.person.id, line.evidence, line.by) == (man, "Giấy tạm trú", "Trạm y tế Dịch Vọng")
    assert 'value="yes"' not in page.content.decode()
    assert 'value="no"' in page.content.decode()
    doctor.post(f"/clinic/closed/{line.asked}/", {"answer": "yes"})
    assert state() == ("assessment_due", "")
    officer = signed_in(Role.OFFICER)
    assert 'value="yes"' in officer.get("/city/failsafe/closings/").content.decode()
    officer.post(f"/city/failsafe/closings/{line.asked}/", {"answer": "yes"})
    assert state() == ("closed", "moved_away")
    (after,) = tasks(software, man, "closing")
    assert (after["id"], after["status"]) == (task, "completed")
    assert answered(software, task, "rejected")[0] == 409


def test_an_app_is_the_person_whom_it_acts_for(software: FhirClient, send: Sender, man: str) -> None:
    """Who asked on the page does not confirm by an app, nor the other way round; a colleague does, by either."""
    first, colleague = acting_for("an@example.vn", send.facility), acting_for("ha@example.vn", send.facility)
    doctor = Client()
    doctor.force_login(User.objects.get(email="an@example.vn"))
    step_of(software, man)
    form = {"reason": "moved_away", "on": "2024-06-01", "evidence": "Giấy tạm trú"}
    page = doctor.get(f"/clinic/people/{man}/rounds/{Episode.objects.get().pk}/close/")
    doctor.post(page.request["PATH_INFO"], {**form, "known": page.context["form"]["known"].value()})
    (task,) = tasks(software, man, "closing")
    assert answered(first, task["id"], "completed") == (403, "Somebody else must confirm what you asked for.")
    assert answered(colleague, task["id"], "rejected") == (200, "")
    task = asked(first, man)
    doctor.post(f"/clinic/closed/{ClosureRequest.objects.get(accepted__isnull=True).pk}/", {"answer": "yes"})
    assert (state(), ClosureRequest.objects.get(accepted__isnull=True).actor) == (
        ("assessment_due", ""),
        f"user:{User.objects.get(email='an@example.vn').pk}",
    )
    assert answered(colleague, task["id"], "completed") == (200, "")
    assert state() == ("closed", "moved_away")


@pytest.mark.parametrize(("status", "answer"), [("completed", 403), ("rejected", 200)])
def test_what_a_person_asks_on_the_page_software_may_only_refuse(
    software: FhirClient, send: Sender, man: str, status: str, answer: int
) -> None:
    step = step_of(software, man)
    doctor = signed_in(Role.CLINICIAN, send.facility)
    form = {"reason": "moved_away", "on": "2024-06-01", "evidence": "Giấy tạm trú"}
    page = doctor.get(f"/clinic/people/{man}/rounds/{Episode.objects.get().pk}/close/")
    doctor.post(page.request["PATH_INFO"], {**form, "known": page.context["form"]["known"].value()})
    (task,) = tasks(software, man, "closing")
    assert (task["status"], task["focus"], task["reasonCode"]["coding"][0]["code"], task["note"]) == (
        "requested",
        {"reference": f"Task/{step['id']}"},
        "reason-moved_away",
        [{"text": "Giấy tạm trú"}],
    )
    assert answered(software, task["id"], status)[0] == answer
    assert state() == ("assessment_due", "")
    assert [one["status"] for one in tasks(software, man, "closing")] == ["rejected" if answer == 200 else "requested"]


def test_a_request_that_something_has_overtaken_confirms_nothing(
    software: FhirClient, second: FhirClient, send: Sender, man: str
) -> None:
    asked(software, man)
    send.fit(man, "300", on="2024-05-20", specimen="B")
    with pytest.raises(Refused) as refused:
        confirmed_by(OFFICER)
    assert (refused.value.status, state()) == (409, ("assessment_due", ""))
    assert [one["status"] for one in tasks(software, man, "closing")] == ["cancelled"]
    asked(software, man)
    confirmed_by(OFFICER)
    assert state() == ("closed", "moved_away")
    assert sorted(one["status"] for one in tasks(software, man, "closing")) == ["cancelled", "completed"]


def test_nobody_asks_by_what_was_read_before_something_new_came(software: FhirClient, send: Sender, man: str) -> None:
    request, step = closing(software, man), step_of(software, man)
    send.referral(man, on="2024-05-25", due="2024-06-20")
    late = software.post("/Task", request)
    declined = {**step, "status": "cancelled", "statusReason": local("reason-declined")}
    cancelled = software.put(f"/Task/{step['id']}", declined)
    step_of(software, man)  # once more after it was written anew
    written = software.put(f"/Task/{step['id']}", declined)
    assert (late.status_code, cancelled.status_code, written.status_code) == (409, 409, 409)
    assert (ClosureRequest.objects.count(), Episode.objects.get().state) == (0, "referred")


@pytest.mark.parametrize(
    ("change", "status", "expression"),
    [
        ({"status": "completed"}, 422, "Task.status"),
        ({"reasonCode": local("reason-declined")}, 422, "Task.reasonCode"),
        ({"reasonCode": {"text": "Đã chuyển đi"}}, 422, "Task.reasonCode"),
        ({"focus": {"reference": "Task/none"}}, 422, "Task.focus"),
        ({"input": []}, 422, "Task.input"),
        ({"note": [{"text": "x" * 501}]}, 422, "Task.note"),
        ({"note": []}, 422, "Task.note"),
        ({"authoredOn": "2999-01-01"}, 422, "Task.authoredOn"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    software: FhirClient, man: str, change: dict[str, Any], status: int, expression: str
) -> None:
    request = {name: value for name, value in {**closing(software, man), **change}.items() if value != []}
    refused = software.post("/Task", request)
    assert (refused.status_code, refused.json()["issue"][0]["expression"]) == (status, [expression])
    assert (ClosureRequest.objects.count(), state()) == (0, ("assessment_due", ""))


def test_the_steps_task_says_that_a_second_person_is_needed(software: FhirClient, man: str) -> None:
    step = step_of(software, man)
    refused = software.put(
        f"/Task/{step['id']}", {**step, "status": "cancelled", "statusReason": local("reason-moved_away")}
    )
    assert (refused.status_code, refused.json()["issue"][0]["expression"]) == (422, ["Task.statusReason"])
    assert (ClosureRequest.objects.count(), state()) == (0, ("assessment_due", ""))


def test_a_closing_is_asked_for_once(software: FhirClient, second: FhirClient, man: str) -> None:
    asked(software, man)
    assert second.post("/Task", closing(second, man)).status_code == 409
    assert ClosureRequest.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "expression"),
    [
        ({"reasonCode": local("reason-deceased"), "status": "completed"}, "Task.reasonCode"),
        ({"code": local("something")}, "Task.code"),
        ({"input": []}, "Task.input"),
        ({"status": "cancelled"}, "Task.status"),
        ({"status": "accepted"}, "Task.status"),
    ],
)
def test_an_answer_changes_nothing_of_what_was_asked(
    software: FhirClient, second: FhirClient, man: str, change: dict[str, Any], expression: str
) -> None:
    task = asked(software, man)["id"]
    stored = {**second.get(f"/Task/{task}").json(), **change}
    stored = {name: value for name, value in stored.items() if value != []}
    refused = second.put(f"/Task/{task}", stored)
    assert (refused.status_code, refused.json()["issue"][0]["expression"]) == (422, [expression])
    assert second.delete(f"/Task/{task}").status_code == 422
    assert state() == ("assessment_due", "")


def test_a_facility_that_she_was_referred_to_confirms_and_another_may_not(
    software: FhirClient, send: Sender, man: str
) -> None:
    hospital, other = make_clinic("hospital", "Bệnh viện", "01902"), make_clinic("other", "Trạm khác", "01903")
    Sender(Facility.objects.get(code="01902")).fit(man, "3", on="2022-05-06")  # both care for him
    Sender(Facility.objects.get(code="01903")).fit(man, "3", on="2021-05-06")
    receiver = {"reference": f"Organization/{hospital.actor.facility}"}
    send.referral(man, on="2024-05-10", due="2024-06-20", performer=[receiver])
    task = asked(software, man)["id"]
    assert answered(other, task, "completed")[0] == 403
    assert ClosureRequest.objects.get().accepted is None
    doctor = Actor("user:7", "BS Bình", Role.CLINICIAN, facility=hospital.actor.facility)
    confirmed_by(doctor)
    assert Episode.objects.get(opened_on="2024-05-06").detail == "moved_away"


def test_a_request_whose_step_was_closed_for_another_reason_is_cancelled(software: FhirClient, man: str) -> None:
    asked(software, man)
    assert len(tasks(software, man, "closing")) == 1
    version = tasks(software, man, "closing")[0]["meta"]["versionId"]
    close_step(episode=Episode.objects.get(), reason="declined", on=timezone.localdate(), actor=software.actor)
    (task,) = tasks(software, man, "closing")
    assert (task["status"], task["meta"]["versionId"]) == ("cancelled", str(int(version) + 1))
