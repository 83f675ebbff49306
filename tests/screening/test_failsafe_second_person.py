"""Who may be the second person of a closing: a station with one clinician must be able to close, and nobody alone."""

from datetime import date

import pytest
from django.test import Client

from fhir.outcomes import Refused
from healthhub.accounts.actors import Actor, Role
from healthhub.accounts.models import User
from healthhub.audit.models import AccessEntry
from records.access import handed_to
from records.models import Area, Facility, Membership
from screening.failsafe.closing import close_step, decide_closure
from screening.failsafe.handover import hand_over
from screening.marks import with_known
from screening.models import ClosureRequest, Episode
from tests.screening.clinic_room import signed_in
from tests.screening.conftest import Sender, make_facility

pytestmark = pytest.mark.django_db
CAU_GIAY, BA_DINH = "005", "001"


def officer(district: str | None) -> User:
    area = Area.objects.get(code=district, kind="district", valid_from=date(2008, 8, 1)) if district else None
    user = User.objects.create_user(f"officer-{district}@example.vn", name="Lê Minh Châu")
    Membership.objects.create(user=user, role=Role.OFFICER.value, area=area)
    return user


def acting(user: User) -> Actor:
    return Actor(f"user:{user.pk}", user.name, Role.OFFICER, area=user.memberships.get().area_id)


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def clinician(station: Facility) -> Actor:
    """Nobody's account: the officers' ids are given by the database."""
    return Actor("user:900", "Bác sĩ An", Role.CLINICIAN, facility=station.pk)


@pytest.fixture
def asked(send: Sender, man: str, clinician: Actor) -> ClosureRequest:
    """The only clinician of a station in Cầu Giấy asks to close the step of somebody who has moved away."""
    send.fit(man, "50", on="2024-05-06")
    return asking(clinician)


def asking(actor: Actor) -> ClosureRequest:
    made = close_step(
        episode=Episode.objects.get(),
        reason="moved_away",
        on=date(2024, 6, 1),
        evidence="Giấy tạm trú",
        actor=actor,
    )
    assert made
    return made


def state() -> tuple[str, str]:
    episode = Episode.objects.get()
    return episode.state, episode.detail


def test_an_officer_of_the_district_confirms_on_her_own_page(asked: ClosureRequest, man: str) -> None:
    client = client_of(officer(CAU_GIAY))
    assert client.get("/city/failsafe/").context["waiting"] == 1
    page = client.get("/city/failsafe/closings/")
    (line,) = page.context["asked"]
    assert (line.person.id, line.by, line.evidence, line.place) == (
        man,
        "Bác sĩ An",
        "Giấy tạm trú",
        "Trạm y tế Dịch Vọng",
    )
    client.post(f"/city/failsafe/closings/{asked.pk}/", {"answer": "yes"})
    assert state() == ("closed", "moved_away")
    asked.refresh_from_db()
    assert asked.second_name == "Lê Minh Châu"
    seen = AccessEntry.objects.filter(patient=man, actor_name="Lê Minh Châu").order_by("at")
    assert list(seen.values_list("action", flat=True)) == ["view", "update"]


def test_an_officer_lets_the_step_go_on(asked: ClosureRequest) -> None:
    client_of(officer(None)).post(f"/city/failsafe/closings/{asked.pk}/", {"answer": "no"})
    assert state() == ("assessment_due", "")
    asked.refresh_from_db()
    assert asked.accepted is False


def test_the_officer_of_another_district_may_not(asked: ClosureRequest) -> None:
    stranger = officer(BA_DINH)
    client = client_of(stranger)
    assert client.get("/city/failsafe/closings/").context["asked"] == []
    assert client.post(f"/city/failsafe/closings/{asked.pk}/", {"answer": "yes"}).status_code == 404
    with pytest.raises(Refused) as refused:
        decide_closure(request_id=asked.pk, accepted=True, actor=acting(stranger))
    assert (refused.value.status, state()) == (403, ("assessment_due", ""))


def test_an_analyst_may_not(asked: ClosureRequest) -> None:
    with pytest.raises(Refused):
        decide_closure(request_id=asked.pk, accepted=True, actor=Actor("user:9", "Phân tích", Role.ANALYST))
    assert signed_in(Role.ANALYST).get("/city/failsafe/closings/").status_code == 403


def test_who_asked_may_not_even_in_another_role(asked: ClosureRequest, clinician: Actor) -> None:
    """The same account, signed in as an officer."""
    with pytest.raises(Refused) as refused:
        decide_closure(request_id=asked.pk, accepted=True, actor=Actor(clinician.id, clinician.name, Role.OFFICER))
    assert (refused.value.status, state()) == (403, ("assessment_due", ""))


def test_a_facility_that_has_nothing_to_do_with_her_may_not(asked: ClosureRequest, laboratory: Facility) -> None:
    other = signed_in(Role.CLINICIAN, laboratory)
    handed_to({(asked.episode.patient_id, laboratory.pk)})  # it may see her, and still not decide
    assert other.get("/clinic/closed/").context["asked"] == []
    assert other.post(f"/clinic/closed/{asked.pk}/", {"answer": "yes"}).status_code == 404
    assert state() == ("assessment_due", "")


def test_the_facility_that_she_was_referred_to_confirms(
    send: Sender, man: str, clinician: Actor, laboratory: Facility
) -> None:
    send.fit(man, "50", on="2024-05-06")
    send.referral(man, on="2024-05-10", due="2024-06-20", performer=[{"reference": f"Organization/{laboratory.pk}"}])
    asked = asking(clinician)
    handed_to({(man, laboratory.pk)})
    other = signed_in(Role.CLINICIAN, laboratory)
    assert [line.asked for line in other.get("/clinic/closed/").context["asked"]] == [asked.pk]
    other.post(f"/clinic/closed/{asked.pk}/", {"answer": "yes"})
    assert state() == ("closed", "moved_away")


def test_the_facility_that_took_the_step_over_confirms(asked: ClosureRequest, man: str, laboratory: Facility) -> None:
    episode = Episode.objects.get()
    hand_over(episode=episode, facility=laboratory, reason="Gần nhà", on=date(2024, 6, 2), actor=acting(officer(None)))
    third = signed_in(Role.CLINICIAN, make_facility("01903", "Trạm y tế khác"))
    assert third.post(f"/clinic/closed/{asked.pk}/", {"answer": "yes"}).status_code == 404
    signed_in(Role.CLINICIAN, laboratory).post(f"/clinic/closed/{asked.pk}/", {"answer": "yes"})
    assert state() == ("closed", "moved_away")


# What came after it was asked for was seen by neither of the two


def test_a_new_positive_is_not_closed_with_what_was_asked_before(
    asked: ClosureRequest, man: str, send: Sender, clinician: Actor
) -> None:
    send.fit(man, "300", on="2024-05-20", specimen="B")
    assert (Episode.objects.get().step, asked.step) == ("colonoscopy", "colonoscopy")
    page = client_of(officer(CAU_GIAY)).post(f"/city/failsafe/closings/{asked.pk}/", {"answer": "yes"}, follow=True)
    assert [str(one) for one in page.context["messages"]] == [
        "Người này vừa có kết quả, giấy giới thiệu hoặc lần khám mới. Hãy xem lại hồ sơ rồi đề nghị lại."
    ]
    second = acting(officer(None))
    with pytest.raises(Refused) as refused:
        decide_closure(request_id=asked.pk, accepted=True, actor=second)
    assert (refused.value.status, state()) == (409, ("assessment_due", ""))
    again = asking(clinician)
    asked.refresh_from_db()
    assert (asked.accepted, asked.second) == (False, "")
    decide_closure(request_id=again.pk, accepted=True, actor=second)
    assert state() == ("closed", "moved_away")


def test_a_referral_that_came_since_is_not_closed_either(asked: ClosureRequest, man: str, send: Sender) -> None:
    send.referral(man, on="2024-05-25", due="2024-06-20")
    with pytest.raises(Refused) as refused:
        decide_closure(request_id=asked.pk, accepted=True, actor=acting(officer(None)))
    assert (refused.value.status, Episode.objects.get().state) == (409, "referred")


def test_nothing_new_is_closed_that_the_asking_person_was_not_shown(send: Sender, man: str, clinician: Actor) -> None:
    send.fit(man, "50", on="2024-05-06")
    shown = with_known(Episode.objects.all()).get()
    send.fit(man, "300", on="2024-05-20", specimen="B")
    for reason in ("moved_away", "declined"):
        with pytest.raises(Refused) as refused:
            close_step(
                episode=shown,
                reason=reason,
                on=date(2024, 6, 1),
                evidence="Thư",
                actor=clinician,
                known=shown.known,
            )
        assert (refused.value.status, state()) == (409, ("assessment_due", ""))


def test_what_has_been_overtaken_waits_on_nobodys_list(asked: ClosureRequest, man: str, send: Sender) -> None:
    judge = client_of(officer(None))
    doctor = signed_in(Role.CLINICIAN, asked.facility)

    def listed() -> tuple[int, int, int]:
        return (
            judge.get("/city/failsafe/").context["waiting"],
            len(judge.get("/city/failsafe/closings/").context["asked"]),
            len(doctor.get("/clinic/closed/").context["asked"]),
        )

    assert listed() == (1, 1, 1)
    found = send.fit(man, "300", on="2024-05-20", specimen="B")
    assert listed() == (0, 0, 0)  # something new
    normal = {"system": "https://healthhub.example/fhir/CodeSystem/screening", "code": "normal"}
    send.procedure(man, on="2024-05-30", outcome={"coding": [normal]})
    assert (Episode.objects.get().state, listed(), bool(found)) == ("closed", (0, 0, 0), True)
