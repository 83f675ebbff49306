"""The worklist: who is on which tab, filters, work for several at once, who does what, and how it is undone."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.utils import InternalError
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from healthhub.accounts.actors import Actor, Role
from healthhub.accounts.models import User
from healthhub.audit.models import AccessEntry
from records.models import Facility, Membership
from screening.failsafe.assignments import assign, holders, undo_assignments
from screening.marks import with_known
from screening.models import Assignment, ClosureRequest, ContactAttempt, Episode, Invitation, InvitationState
from tests.screening.clinic_room import signed_in
from tests.screening.conftest import Sender, make_patient

pytestmark = pytest.mark.django_db


@pytest.fixture
def doctor(station: Facility) -> Client:
    return signed_in(Role.CLINICIAN, station)


@pytest.fixture
def colleague(station: Facility) -> User:
    user = User.objects.create_user("ha@example.vn", name="ĐD Phạm Thu Hà")
    Membership.objects.create(user=user, role=Role.CLINICIAN.value, facility=station)
    return user


def positives(send: Sender, station: Facility, *days_ago: int) -> list[Episode]:
    found = []
    for days in days_ago:
        person = make_patient(station, name=f"Nguyễn Văn {days}", gender="male", born="1960-03-12")
        send.fit(person, "50", on=f"{timezone.localdate() - timedelta(days=days):%Y-%m-%d}")
        found.append(Episode.objects.get(patient=person))
    return found


def ticks(rounds: list[Episode]) -> list[str]:
    shown = with_known(Episode.objects.filter(pk__in=[one.pk for one in rounds]))
    marks = dict(shown.values_list("pk", "known"))
    return [f"{one.pk}:{one.step}:{marks[one.pk]}" for one in rounds]


def names(page: Any) -> list[str]:
    return [line.person.name for line in page.context["worklist"].lines]


def bulk(client: Client, action: str, rounds: list[Episode], **fields: Any) -> Any:
    data = {"rounds": ticks(rounds), "confirmed": "yes", "back": "?tab=open", **fields}
    return client.post(f"/clinic/worklist/{action}/", data)


def soon(days: int = 9) -> str:
    return f"{timezone.localdate() + timedelta(days=days):%d/%m/%Y}"


CONTACT = {"way": "phone", "outcome": "no_answer", "at": "00:01", "note": ""}


def contact(**fields: Any) -> dict[str, Any]:
    return {**CONTACT, "day": f"{timezone.localdate():%d/%m/%Y}", **fields}


def test_the_names_are_shown_before_anything_is_done(doctor: Client, send: Sender, station: Facility) -> None:
    rounds = positives(send, station, 70, 66)
    page = doctor.post("/clinic/worklist/refer/", {"rounds": ticks(rounds), "back": "?tab=open"})
    assert [line.person.name for line in page.context["lines"]] == ["Nguyễn Văn 70", "Nguyễn Văn 66"]
    assert {one.state for one in Episode.objects.all()} == {"assessment_due"}


def test_several_are_referred_at_once(doctor: Client, send: Sender, station: Facility) -> None:
    rounds = positives(send, station, 70, 66)
    page = bulk(doctor, "refer", rounds, due_on=soon())
    assert page.headers["Location"] == "/clinic/?tab=open"
    assert {one.state for one in Episode.objects.all()} == {"referred"}


def test_what_fails_for_one_is_done_for_the_others(doctor: Client, send: Sender, station: Facility) -> None:
    first, second = positives(send, station, 70, 66)
    bulk(doctor, "refer", [first], due_on=soon())
    first.refresh_from_db()
    page = bulk(doctor, "refer", [first, second], due_on=soon())
    assert [one.line.person.name for one in page.context["failed"]] == ["Nguyễn Văn 70"]
    assert page.context["done"] == 1
    second.refresh_from_db()
    assert second.state == "referred"


def test_a_step_that_moved_on_meanwhile_is_left_alone(doctor: Client, send: Sender, station: Facility) -> None:
    (one,) = positives(send, station, 70)
    page = doctor.post(
        "/clinic/worklist/close/",
        {"rounds": [f"{one.pk}:repeat_fit"], "confirmed": "yes", "reason": "declined", "on": soon(0)},
    )
    assert page.status_code == 302
    one.refresh_from_db()
    assert one.state == "assessment_due"


@pytest.mark.parametrize("reason", ["declined", "moved_away"])
def test_nothing_is_closed_that_was_not_shown_when_it_was_ticked(
    doctor: Client, send: Sender, station: Facility, reason: str
) -> None:
    (one,) = positives(send, station, 70)
    shown = ticks([one])
    send.fit(one.patient_id, "300", on=f"{timezone.localdate():%Y-%m-%d}", specimen="E1")
    said = {"rounds": shown, "confirmed": "yes", "reason": reason, "on": soon(0), "evidence": "Thư", "note": ""}
    assert doctor.post("/clinic/worklist/close/", said).status_code == 302
    one.refresh_from_db()
    assert (one.state, one.step, ClosureRequest.objects.count()) == ("assessment_due", "colonoscopy", 0)


def test_another_facilitys_rounds_cannot_be_ticked(send: Sender, station: Facility, laboratory: Facility) -> None:
    (one,) = positives(send, station, 70)
    stranger = signed_in(Role.LABORATORY, laboratory)
    bulk(stranger, "close", [one], reason="declined", on=soon(0), evidence="", note="")
    bulk(stranger, "assign", [one], assignee="")
    one.refresh_from_db()
    assert (one.state, Assignment.objects.count()) == ("assessment_due", 0)


def test_steps_are_closed_together_with_a_coded_reason(doctor: Client, send: Sender, station: Facility) -> None:
    rounds = positives(send, station, 70, 66)
    bulk(doctor, "close", rounds, reason="declined", on=soon(0), evidence="", note="Gọi hai lần")
    assert [(one.state, one.detail) for one in Episode.objects.all()] == [("closed", "declined")] * 2


def test_a_contact_is_kept_and_shown(doctor: Client, send: Sender, station: Facility) -> None:
    rounds = positives(send, station, 70)
    bulk(doctor, "contact", rounds, **contact())
    kept = ContactAttempt.objects.get()
    assert (kept.episode_id, kept.outcome, kept.actor_name) == (rounds[0].pk, "no_answer", "BS Lê Thị Mai")
    assert doctor.get("/clinic/").context["worklist"].lines[0].last_contact == timezone.localdate()


def test_given_work_is_on_the_colleagues_own_tab(
    doctor: Client, send: Sender, station: Facility, colleague: User
) -> None:
    first, _second = positives(send, station, 70, 66)
    bulk(doctor, "assign", [first], assignee=str(colleague.pk))
    own = Client()
    own.force_login(colleague)
    assert names(own.get("/clinic/?tab=mine")) == ["Nguyễn Văn 70"]
    assert doctor.get("/clinic/").context["worklist"].counts["mine"] == 0
    assert names(doctor.get(f"/clinic/?tab=open&assigned={colleague.pk}")) == ["Nguyễn Văn 70"]
    assert names(doctor.get("/clinic/?tab=open&assigned=nobody")) == ["Nguyễn Văn 66"]


def test_giving_work_away_can_be_undone_for_a_moment(
    doctor: Client, send: Sender, station: Facility, colleague: User
) -> None:
    rounds = positives(send, station, 70, 66)
    bulk(doctor, "assign", rounds, assignee=str(colleague.pk))
    assert doctor.get("/clinic/?tab=open").context["undo"] == {"count": 2, "name": "ĐD Phạm Thu Hà"}
    assert doctor.get("/clinic/?tab=open").context["undo"] is None
    doctor.post("/clinic/worklist/undo/", {"back": "?tab=open"})
    assert names(doctor.get("/clinic/?tab=open&assigned=nobody")) == ["Nguyễn Văn 70", "Nguyễn Văn 66"]
    assert Assignment.objects.count() == 4  # what happened stays written


def test_all_work_of_a_tab_and_its_filters_is_given_not_only_a_page(
    doctor: Client, send: Sender, station: Facility, laboratory: Facility, colleague: User
) -> None:
    positives(send, station, *range(100, 130), 62)  # 30 with the city, one with the facility only
    everything = "/clinic/worklist/all/?tab=overdue&level=city"
    listed = doctor.get("/clinic/?tab=overdue&level=city")
    assert (len(names(listed)), listed.context["total"]) == (25, 30)
    assert f"/clinic/worklist/all/{listed.context['back']}".replace("&", "&amp;") in listed.content.decode()
    assert doctor.get(everything).context["steps"] == [("Sàng lọc ung thư đại trực tràng", "Nội soi đại tràng", 30)]
    stale = doctor.post(everything, {"assignee": str(colleague.pk), "count": 29})
    assert (stale.context["changed"], Assignment.objects.count()) == (True, 0)
    doctor.post(everything, {"assignee": str(colleague.pk), "count": 30})
    kept = doctor.session["worklist-undo"]
    assert (kept["count"], [one for one in kept.values() if isinstance(one, list)]) == (30, [])  # small for any list
    own = Client()
    own.force_login(colleague)
    assert own.get("/clinic/?tab=mine").context["worklist"].counts["mine"] == 30
    doctor.post("/clinic/worklist/undo/", {"back": "?tab=open"})
    assert own.get("/clinic/?tab=mine").context["worklist"].counts["mine"] == 0
    stranger = signed_in(Role.LABORATORY, laboratory)
    assert stranger.get(everything).context["count"] == 0
    assert doctor.get("/clinic/worklist/all/?tab=missed").status_code == 404


def test_undoing_leaves_what_somebody_else_gave_meanwhile(send: Sender, station: Facility, colleague: User) -> None:
    def giving(name: str, one: Episode) -> int:
        (made,) = assign(
            episodes=[one], assignee=colleague.pk, actor=Actor(name, name, Role.CLINICIAN, facility=station.pk)
        )
        return made.pk

    rounds = positives(send, station, 70, 66, 64)
    actor = Actor("user:900", "BS Mai", Role.CLINICIAN, facility=station.pk)
    first, _theirs, last = (
        giving(name, one) for name, one in zip(("user:900", "user:901", "user:900"), rounds, strict=True)
    )
    assert undo_assignments(first=first, last=last, actor=actor) == 2
    held = holders([one.pk for one in rounds], station.pk)
    assert [held[one.pk, one.step] for one in rounds] == [None, colleague.pk, None]


def test_work_goes_only_to_people_of_the_facility(
    doctor: Client, send: Sender, station: Facility, laboratory: Facility
) -> None:
    stranger = User.objects.create_user("x@example.vn", name="Người lạ")
    Membership.objects.create(user=stranger, role=Role.LABORATORY.value, facility=laboratory)
    page = bulk(doctor, "assign", positives(send, station, 70), assignee=str(stranger.pk))
    assert "assignee" in page.context["form"].errors
    assert Assignment.objects.count() == 0


@pytest.mark.parametrize("table", ["screening_assignment", "screening_contactattempt"])
def test_what_was_written_is_never_changed(
    doctor: Client, send: Sender, station: Facility, colleague: User, table: str
) -> None:
    rounds = positives(send, station, 70)
    bulk(doctor, "assign", rounds, assignee=str(colleague.pk))
    bulk(doctor, "contact", rounds, **contact())
    for change in (f"UPDATE {table} SET step = ''", f"DELETE FROM {table}"):
        with pytest.raises(InternalError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(change)


def test_filters_narrow_by_level_and_place(doctor: Client, send: Sender, station: Facility) -> None:
    positives(send, station, 65, 80, 100)
    by_level = {
        level: names(doctor.get(f"/clinic/?tab=open&level={level}")) for level in ("facility", "district", "city")
    }
    assert by_level == {
        "facility": ["Nguyễn Văn 65"],
        "district": ["Nguyễn Văn 80"],
        "city": ["Nguyễn Văn 100"],
    }
    places = doctor.get("/clinic/").context["choices"]["area"]
    assert [name for _key, name in places] == ["Phường Trung Hoà, Quận Cầu Giấy"]
    assert len(names(doctor.get(f"/clinic/?tab=open&area={places[0][0]}"))) == 3
    assert len(names(doctor.get("/clinic/?tab=open&area=0&level=x&assigned=x"))) == 3


def test_the_preview_is_a_piece_of_a_page_and_is_logged(doctor: Client, send: Sender, station: Facility) -> None:
    (one,) = positives(send, station, 70)
    before = AccessEntry.objects.filter(patient=one.patient_id).count()
    text = doctor.get(f"/clinic/people/{one.patient_id}/preview/").content.decode()
    assert "<html" not in text
    assert "Nội soi đại tràng" in text
    assert AccessEntry.objects.filter(patient=one.patient_id).count() == before + 1


def test_strangers_have_no_preview(send: Sender, station: Facility, laboratory: Facility) -> None:
    (one,) = positives(send, station, 70)
    page = signed_in(Role.LABORATORY, laboratory).get(f"/clinic/people/{one.patient_id}/preview/")
    assert page.status_code == 404


def test_every_tab_costs_the_same_for_one_and_for_many(
    doctor: Client, send: Sender, station: Facility, colleague: User
) -> None:
    def cost() -> dict[str, int]:
        found = {}
        for tab in ("overdue", "mine", "open", "missed"):
            with CaptureQueriesContext(connection) as queries:
                doctor.get(f"/clinic/?tab={tab}")
            found[tab] = len(queries)
        return found

    def fill(*days: int) -> None:
        rounds = positives(send, station, *days)
        bulk(doctor, "assign", rounds, assignee=str(colleague.pk))
        bulk(doctor, "contact", rounds, **contact())
        for one in rounds:
            nonresponder(one.patient_id, station)

    fill(70)
    cost()
    few = cost()
    fill(*range(71, 81))
    cost()  # the bar that undoes is shown once
    assert cost() == few
    assert max(few.values()) < 30


def nonresponder(patient: str, station: Facility) -> Invitation:
    day = timezone.localdate()
    return Invitation.objects.create(
        patient_id=patient,
        programme="cervical",
        due_on=day,
        kind="call",
        facility=station,
        planned_on=day - timedelta(days=200),
        state=InvitationState.NONRESPONDER,
        ended_on=day - timedelta(days=20),
    )


def test_the_back_address_cannot_lead_elsewhere(doctor: Client, send: Sender, station: Facility) -> None:
    rounds = positives(send, station, 70)
    for back in ("https://evil.example/", "//evil.example", "/city/"):
        page = bulk(doctor, "refer", rounds, due_on=soon(), back=back)
        assert page.headers.get("Location", "/clinic/") == "/clinic/"
