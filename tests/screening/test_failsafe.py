"""Escalation, handing over, reminding, closing with proof, opening again, and every day of a wait explained."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from fhir.outcomes import Refused
from healthhub.accounts.actors import Actor, Role
from healthhub.accounts.models import User
from healthhub.audit.models import AccessEntry
from records.areas import resolve_area
from records.models import Area, Facility, Membership
from screening.failsafe.closing import close_step, decide_closure, reopen_round
from screening.failsafe.contacts import record_contact
from screening.failsafe.figures import failsafe_figures, rounds_in
from screening.failsafe.handover import hand_over
from screening.failsafe.levels import at_level, level_of
from screening.failsafe.scope import Scope
from screening.failsafe.waiting import explain_waits
from screening.models import ClosureRequest, Episode, EpisodeEvent, ScreeningResult
from screening.rebuild import rebuild
from tests.screening.clinic_room import signed_in
from tests.screening.conftest import Sender, make_patient

pytestmark = pytest.mark.django_db

CITY = Scope(None, None, names=True)


@pytest.fixture
def nurse(station: Facility) -> Actor:
    """A second person of the station."""
    return Actor("user:2", "Điều dưỡng Hà", Role.CLINICIAN, facility=station.organization_id)


@pytest.fixture
def officer() -> Actor:
    return Actor("user:3", "Lê Minh Châu", Role.OFFICER)


def positive(send: Sender, patient: str, on: str = "2024-05-06") -> Episode:
    send.fit(patient, "50", on=on)
    return Episode.objects.get(patient=patient)


def officer_of(area: Area | None) -> Client:
    user = User.objects.create_user(f"{area.code if area else 'city'}@example.vn", name="Lê Minh Châu")
    Membership.objects.create(user=user, role=Role.OFFICER.value, area=area)
    client = Client()
    client.force_login(user)
    return client


# Escalation


@pytest.mark.parametrize(
    ("late", "level"), [(-1, ""), (0, ""), (1, "facility"), (13, "facility"), (14, "district"), (30, "city")]
)
def test_a_step_goes_up_by_its_clocks(send: Sender, man: str, late: int, level: str) -> None:
    episode = positive(send, man)
    assert episode.due_on
    day = episode.due_on + timedelta(days=late)
    assert level_of(episode, day) == level
    assert [one for one in ("facility", "district", "city") if Episode.objects.filter(at_level(one, day))] == (
        [level] if level else []
    )
    assert failsafe_figures(CITY, day).total.city == (1 if level == "city" else 0)
    assert failsafe_figures(CITY, day).total.district == (1 if level == "district" else 0)


def test_the_figures_are_the_lists_behind_them(send: Sender, station: Facility, man: str, woman: str) -> None:
    positive(send, man)
    positive(send, woman, on="2024-07-01")
    day = date(2024, 8, 20)
    figures = failsafe_figures(CITY, day)
    assert (figures.total.open, figures.total.overdue, figures.total.longest) == (2, 1, 46)
    for part, rows in (("programme", figures.programmes), ("facility", figures.facilities), ("area", figures.areas)):
        for row in rows:
            counts = [
                rounds_in(CITY, day, level=level, **{part: row.key}).count() for level in ("open", "late", "city")
            ]
            assert counts == [row.open, row.overdue, row.city]


def test_an_officer_of_a_district_sees_that_district(send: Sender, station: Facility, man: str) -> None:
    positive(send, man)
    far = make_patient(station, name="Lê Xa", gender="male", born="1960-03-12", ward="00001")
    positive(send, far)
    home = resolve_area("00175", date(2020, 1, 1))
    assert home
    assert home.parent
    page = officer_of(home.parent).get("/city/failsafe/people/?level=open")
    assert [line.person.id for line in page.context["people"].lines] == [man]
    whole = officer_of(None).get("/city/failsafe/people/?level=open")
    assert {line.person.id for line in whole.context["people"].lines} == {man, far}


def test_names_are_for_officers_and_each_look_is_logged(send: Sender, man: str) -> None:
    positive(send, man)
    analyst = signed_in(Role.ANALYST)
    assert "Nguyễn Văn Đức" not in analyst.get("/city/failsafe/").content.decode()
    assert analyst.get("/city/failsafe/people/").status_code == 403
    assert "Nguyễn Văn Đức" not in analyst.get("/city/forgotten/").content.decode()
    before = AccessEntry.objects.filter(patient=man).count()
    officer_of(None).get("/city/failsafe/people/?level=open")
    assert AccessEntry.objects.filter(patient=man).count() == before + 1


@pytest.mark.parametrize("path", ["/city/failsafe/", "/city/forgotten/", "/city/failsafe/people/"])
def test_clinics_do_not_see_the_citys_pages(station: Facility, path: str) -> None:
    assert signed_in(Role.CLINICIAN, station).get(path).status_code == 403


# Handing over and reminding


def test_a_step_handed_over_is_on_the_other_facilitys_list(
    send: Sender, laboratory: Facility, man: str, officer: Actor
) -> None:
    episode = positive(send, man)
    other = signed_in(Role.CLINICIAN, laboratory)
    assert other.get(f"/clinic/people/{man}/").status_code == 403
    hand_over(episode=episode, facility=laboratory, reason="Trạm đã đóng cửa", on=timezone.localdate(), actor=officer)
    episode.refresh_from_db()
    assert episode.owner == laboratory.pk
    assert other.get("/clinic/").context["worklist"].counts["open"] == 1
    assert other.get(f"/clinic/people/{man}/").status_code == 200
    rebuild()
    assert Episode.objects.get().owner == laboratory.pk


def test_handing_over_needs_a_reason_and_a_registered_facility(
    send: Sender, station: Facility, laboratory: Facility, man: str, officer: Actor
) -> None:
    episode = positive(send, man)
    today = timezone.localdate()
    for facility, reason, status in ((laboratory, " ", 422), (station, "x", 409)):
        with pytest.raises(Refused) as refused:
            hand_over(episode=episode, facility=facility, reason=reason, on=today, actor=officer)
        assert refused.value.status == status


def test_an_officer_hands_over_and_reminds_by_page(send: Sender, station: Facility, laboratory: Facility) -> None:
    person = make_patient(station, name="Nguyễn Văn Đức", gender="male", born="1960-03-12")
    episode = positive(send, person)
    client = officer_of(None)
    client.post(f"/city/failsafe/facilities/{station.pk}/", {"text": "Xin gọi lại"})
    page = signed_in(Role.CLINICIAN, station).get("/clinic/")
    assert [(one.overdue, one.text) for one in page.context["reminders"]] == [(1, "Xin gọi lại")]
    client.post(f"/city/failsafe/rounds/{episode.pk}/", {"facility": laboratory.code, "reason": "Trạm đóng cửa"})
    episode.refresh_from_db()
    assert episode.owner == laboratory.pk


def test_a_reminder_goes_when_it_was_read(station: Facility) -> None:
    officer_of(None).post(f"/city/failsafe/facilities/{station.pk}/", {"text": ""})
    client = signed_in(Role.CLINICIAN, station)
    (reminder,) = client.get("/clinic/").context["reminders"]
    client.post(f"/clinic/reminders/{reminder.pk}/")
    assert client.get("/clinic/").context["reminders"] == []


# Closing and opening again


def test_a_reason_that_ends_screening_needs_a_second_person(
    send: Sender, man: str, clinician: Actor, nurse: Actor
) -> None:
    episode = positive(send, man)
    asked = close_step(
        episode=episode, reason="moved_away", on=date(2024, 6, 1), evidence="Giấy tạm trú", actor=clinician
    )
    assert asked
    episode.refresh_from_db()
    assert episode.state == "assessment_due"  # its clock runs on
    with pytest.raises(Refused) as refused:
        decide_closure(request_id=asked.pk, accepted=True, actor=clinician)
    assert refused.value.status == 403
    decide_closure(request_id=asked.pk, accepted=True, actor=nurse)
    episode.refresh_from_db()
    assert (episode.state, episode.detail) == ("closed", "moved_away")


def test_a_refused_closing_leaves_the_step_open(send: Sender, man: str, clinician: Actor, nurse: Actor) -> None:
    episode = positive(send, man)
    asked = close_step(episode=episode, reason="moved_away", on=date(2024, 6, 1), evidence="x", actor=clinician)
    assert asked
    decide_closure(request_id=asked.pk, accepted=False, actor=nurse)
    episode.refresh_from_db()
    assert episode.state == "assessment_due"
    assert ClosureRequest.objects.get().second_name == "Điều dưỡng Hà"


def test_a_reason_that_rests_on_papers_is_refused_without(send: Sender, man: str, clinician: Actor) -> None:
    episode = positive(send, man)
    with pytest.raises(Refused):
        close_step(episode=episode, reason="done_elsewhere", on=date(2024, 6, 1), actor=clinician)
    close_step(episode=episode, reason="done_elsewhere", on=date(2024, 6, 1), evidence="Phiếu BV K", actor=clinician)
    event = EpisodeEvent.objects.get(fact="closed")
    assert event.data["note"] == "Bằng chứng: Phiếu BV K"


def test_a_wrong_closing_is_opened_again_with_its_old_clock(send: Sender, man: str, clinician: Actor) -> None:
    before = positive(send, man)
    close_step(episode=before, reason="declined", on=date(2024, 6, 1), actor=clinician)
    reopen_round(episode=before, why="Người nhà gọi lại, đồng ý khám", actor=clinician)
    after = Episode.objects.get()
    assert (after.state, after.step, after.due_on) == (before.state, before.step, before.due_on)
    rebuild()
    assert Episode.objects.get().state == "assessment_due"
    close_step(episode=Episode.objects.get(), reason="declined", on=date(2024, 6, 2), actor=clinician)
    reopen_round(episode=Episode.objects.get(), why="Lại đồng ý", actor=clinician)
    assert Episode.objects.get().state == "assessment_due"


def test_opening_again_is_for_what_was_closed_for_a_reason(send: Sender, man: str, clinician: Actor) -> None:
    with pytest.raises(Refused):
        reopen_round(episode=positive(send, man), why="x", actor=clinician)


def test_closings_stand_on_a_list_to_review(send: Sender, station: Facility, man: str, clinician: Actor) -> None:
    episode = positive(send, man, on=f"{timezone.localdate() - timedelta(days=70)}")
    close_step(episode=episode, reason="declined", on=timezone.localdate(), actor=clinician)
    client = signed_in(Role.CLINICIAN, station)
    (line,) = client.get("/clinic/closed/").context["lines"]
    assert (line.person.name, line.reason, line.positive) == ("Nguyễn Văn Đức", "Người dân từ chối", True)
    client.post(f"/clinic/people/{man}/rounds/{episode.pk}/reopen/", {"why": "Đồng ý khám"})
    assert client.get("/clinic/closed/").context["lines"] == []


# Contact, and waiting


def test_telling_the_result_is_a_fact_of_the_record(send: Sender, man: str, clinician: Actor) -> None:
    episode = positive(send, man)
    record_contact(
        patient_id=man,
        programme="colorectal",
        episode=episode,
        contacted_at=timezone.now(),
        way="phone",
        outcome="told",
        actor=clinician,
    )
    assert ScreeningResult.objects.get().released_on is not None
    assert EpisodeEvent.objects.filter(fact="contacted").count() == 1


def test_every_day_of_a_wait_is_explained(send: Sender, man: str, clinician: Actor) -> None:
    episode = positive(send, man)
    send.referral(man, on="2024-05-10", due="2024-06-20")
    moment = timezone.make_aware(timezone.datetime(2024, 7, 1, 9))  # type: ignore[attr-defined]
    record_contact(
        patient_id=man,
        programme="colorectal",
        episode=episode,
        contacted_at=moment,
        way="phone",
        outcome="no_answer",
        actor=clinician,
    )
    wait = explain_waits([Episode.objects.get()], date(2024, 7, 8))[episode.pk]
    told: list[Any] = [(one.happening.day, one.days, one.quiet) for one in wait.stretches]
    assert told == [
        (date(2024, 5, 6), 4, False),
        (date(2024, 5, 10), 52, True),
        (date(2024, 7, 1), 7, False),
    ]
    assert sum(one.days for one in wait.stretches) == wait.days == 63
    assert wait.quiet_days == 52


def test_the_longest_waiting_stand_first(send: Sender, station: Facility, man: str, woman: str) -> None:
    positive(send, woman, on="2024-05-06")
    positive(send, man, on="2024-03-06")
    page = signed_in(Role.CLINICIAN, station).get("/clinic/forgotten/")
    assert [one.line.person.id for one in page.context["waiting"]] == [man, woman]
