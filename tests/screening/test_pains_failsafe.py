"""What went wrong elsewhere (numbers as in the knowledge of the field), and why it cannot, or is seen, here."""

from datetime import date, timedelta

import pytest
from django.utils import timezone

from healthhub.accounts.actors import Actor, Role
from records.models import Facility
from screening.failsafe.closing import close_step
from screening.failsafe.contacts import record_contact
from screening.failsafe.nightly import run_nightly
from screening.models import Episode, FailsafeAlarm, Invitation, InvitationState
from tests.screening.clinic_room import signed_in
from tests.screening.conftest import Sender

pytestmark = pytest.mark.django_db


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


def test_pain_5_the_clinician_sees_who_did_not_respond(
    station: Facility, laboratory: Facility, clinician: Actor, woman: str
) -> None:
    """A non-responder was invisible to her clinician until the coroner asked."""
    nonresponder(woman, station)
    doctor = signed_in(Role.CLINICIAN, station)

    def waiting() -> list[str]:
        page = doctor.get("/clinic/?tab=missed")
        assert page.context["worklist"].counts["missed"] == len(page.context["worklist"].missed)
        return [one.person.id for one in page.context["worklist"].missed]

    assert waiting() == [woman]
    record_contact(
        patient_id=woman,
        programme="cervical",
        contacted_at=timezone.now(),
        way="phone",
        outcome="no_answer",
        actor=clinician,
    )
    assert waiting() == [woman]  # a call in vain changes nothing
    record_contact(
        patient_id=woman,
        programme="cervical",
        contacted_at=timezone.now(),
        way="phone",
        outcome="agreed",
        actor=clinician,
    )
    assert waiting() == []
    elsewhere = signed_in(Role.CLINICIAN, laboratory).get("/clinic/?tab=missed")
    assert elsewhere.context["worklist"].missed == []


def test_pain_6_a_closing_that_rests_on_nothing_does_not_end_anybodys_screening(
    send: Sender, man: str, clinician: Actor
) -> None:
    """People were ceased wrongly, without a letter: here it needs the paper and a second person."""
    send.fit(man, "50", on="2024-05-06")
    close_step(
        episode=Episode.objects.get(), reason="moved_away", on=date(2024, 6, 1), evidence="Giấy báo", actor=clinician
    )
    assert Episode.objects.get().state == "assessment_due"


def test_pain_7_an_assessment_whose_outcome_nobody_reported_is_asked_after(send: Sender, man: str) -> None:
    """45,495 assessments had no outcome, so detection could not be reported."""
    send.fit(man, "50", on="2024-01-06")
    send.procedure(man, on="2024-02-01")
    run_nightly(date(2024, 3, 5))
    alarm = FailsafeAlarm.objects.get()
    assert (alarm.check_name, alarm.patient_id) == ("assessed_without_finding", man)


def test_pain_7_a_referral_that_led_nowhere_stays_open_and_goes_up(send: Sender, man: str) -> None:
    """Follow-up that is not reported back is not done: the step is late, then the district's, then the city's."""
    send.fit(man, "50", on="2024-01-06")
    send.referral(man, on="2024-01-10", due="2024-02-20")
    officer = signed_in(Role.OFFICER)
    (line,) = officer.get("/city/failsafe/people/?level=city").context["people"].lines
    assert (line.person.id, line.level) == (man, "city")


@pytest.mark.parametrize("path", ["/clinic/?tab=open", "/clinic/forgotten/", "/clinic/closed/", "/clinic/?tab=missed"])
def test_pain_10_a_list_shows_only_the_own_facilitys_people(
    send: Sender, station: Facility, laboratory: Facility, man: str, woman: str, clinician: Actor, path: str
) -> None:
    """Elsewhere any user could list every visit of the country."""
    send.fit(man, "50", on=f"{timezone.localdate() - timedelta(days=70)}")
    nonresponder(woman, station)
    if path == "/clinic/closed/":
        close_step(
            episode=Episode.objects.get(),
            reason="moved_away",
            on=timezone.localdate(),
            evidence="Giấy",
            actor=clinician,
        )
    own = signed_in(Role.CLINICIAN, station).get(path).content.decode()
    other = signed_in(Role.CLINICIAN, laboratory).get(path).content.decode()
    names = ("Nguyễn Văn Đức", "Trần Thị Hoa")
    assert any(name in own for name in names)
    assert not any(name in other for name in names)


def test_pain_10_the_citys_counts_move_with_the_rows(send: Sender, man: str, woman: str) -> None:
    """Elsewhere the monthly referrals were a hard-coded 3."""
    officer = signed_in(Role.OFFICER)
    seen = []
    for patient in (man, woman):
        send.fit(patient, "50", on="2024-05-06")
        seen.append(officer.get("/city/failsafe/").context["figures"].total.overdue)
    assert seen == [1, 2]
