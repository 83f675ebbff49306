"""One decision about all steps of a filter: frozen by name, never without a reason or by one person, undone whole."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from fhir.outcomes import Refused
from healthhub.accounts.actors import Actor, Role
from healthhub.accounts.models import User
from healthhub.audit.models import AccessEntry
from records.access import presented_at, visible_to
from records.areas import resolve_area
from records.models import Area, CareRelation, Facility, Membership
from screening.closings import Closing, close_rounds
from screening.failsafe import batch_work
from screening.failsafe.batch_work import OPEN as WORKED_ON
from screening.failsafe.batch_work import forgotten_batches, work_on
from screening.failsafe.batches import ask_closing, ask_hand_over, decide_batch, undo_batch
from screening.failsafe.closing import reopen_round
from screening.failsafe.filters import Asked
from screening.failsafe.handover import hand_over
from screening.failsafe.scope import Scope
from screening.models import BatchedStep, Episode, EpisodeEvent, StepBatch
from screening.rebuild import rebuild
from tests.screening.conftest import Sender, make_patient

pytestmark = pytest.mark.django_db

CITY = Scope(None, None, names=True)
ON = date(2024, 10, 1)
PROOF = "Biên bản rà soát số 12, 30/09/2024"
PAGE = "/city/failsafe/people/"


def officer(name: str, area: Area | None = None) -> User:
    user = User.objects.create_user(f"{name}@example.vn", name=f"Cán bộ {name}")
    Membership.objects.create(user=user, role=Role.OFFICER.value, area=area)
    return user


def acting(user: User) -> Actor:
    return Actor(f"user:{user.pk}", user.name, Role.OFFICER)


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def an(db: None) -> User:
    return officer("An")


@pytest.fixture
def binh(db: None) -> User:
    return officer("Bình")


@pytest.fixture
def backlog(send: Sender, station: Facility) -> list[str]:
    """30 men who have waited for a colonoscopy since May 2024: more than a page of the list."""
    people = []
    for number in range(30):
        person = make_patient(station, name=f"Nguyễn Văn {number:02}", gender="male", born="1960-03-12")
        send.fit(person, "50", on="2024-05-06", specimen=f"A{number}")
        people.append(person)
    return people


def closing(user: User, *, asked: Asked | None = None, **said: Any) -> StepBatch:
    asked = asked or Asked(level="late", programme="colorectal", year="2024")
    given: dict[str, Any] = {"reason": "unreachable", "on": ON, "evidence": PROOF, "actor": acting(user), **said}
    return ask_closing(asked.rounds(CITY, timezone.localdate()), asked=asked.address, **given)


def states() -> list[tuple[str, str, str]]:
    return sorted(set(Episode.objects.values_list("state", "step", "detail")))


OPEN = [("assessment_due", "colonoscopy", "")]
CLOSED = [("closed", "", "unreachable")]


def finish(batch: StepBatch) -> StepBatch:
    while (found := work_on(batch.pk, seconds=0)) is not None and found.state in WORKED_ON:
        pass
    batch.refresh_from_db()
    return batch


# What the officer sees and asks for


def test_all_of_a_filter_are_asked_for_not_only_a_page(backlog: list[str], an: User, binh: User) -> None:
    client = client_of(an)
    page = client.get(f"{PAGE}?level=late&programme=colorectal&year=2024&step=colonoscopy")
    assert (len(page.context["people"].lines), page.context["count"]) == (25, 30)
    ask = f"{PAGE}close/?{page.context['query']}"
    assert client.get(ask).context["steps"] == [("Sàng lọc ung thư đại trực tràng", "Nội soi đại tràng", 30)]
    data = {"count": 30, "reason": "unreachable", "on": "01/10/2024", "evidence": PROOF, "note": "Gọi 3 lần"}
    answer = client.post(ask, data)
    batch = StepBatch.objects.get()
    assert (answer.headers["Location"], batch.total, batch.state) == (
        f"/city/failsafe/batches/{batch.pk}/",
        30,
        "waiting",
    )
    assert states() == OPEN  # nothing is closed before a second person says so
    client_of(binh).post(f"/city/failsafe/batches/{batch.pk}/decide/", {"answer": "yes"})
    finish(batch)
    assert (batch.state, batch.second_name, states()) == ("done", "Cán bộ Bình", CLOSED)


def test_nothing_is_asked_for_if_the_number_has_changed(
    backlog: list[str], an: User, send: Sender, station: Facility
) -> None:
    client = client_of(an)
    late = make_patient(station, name="Người thứ 31", gender="male", born="1960-03-12")
    send.fit(late, "50", on="2024-05-06", specimen="B1")
    data = {"count": 30, "reason": "unreachable", "on": "01/10/2024", "evidence": PROOF}
    page = client.post(f"{PAGE}close/?level=late", data)
    assert (page.context["changed"], page.context["count"], StepBatch.objects.count()) == (True, 31, 0)
    assert page.context["form"]["count"].value() == "31"


def test_the_list_narrows_by_place_step_year_and_facility(
    backlog: list[str], an: User, station: Facility, laboratory: Facility, send: Sender
) -> None:
    client = client_of(an)
    home = resolve_area("00175", date(2020, 1, 1))
    assert home
    assert home.parent

    def count(query: str) -> int:
        found: int = client.get(f"{PAGE}?level=open&{query}").context["count"]
        return found

    for query in (f"facility={station.pk}", "year=2024", "step=colonoscopy", f"area={home.parent.pk}"):
        assert count(query) == 30, query
    for query in (f"facility={laboratory.pk}", "year=2023", "step=treatment", "area=unknown", "programme=breast"):
        assert count(query) == 0, query
    choices = client.get(f"{PAGE}?level=open").context["choices"]
    assert {name: [key for key, _name in found] for name, found in choices.items()} == {
        "programme": ["colorectal"],
        "step": ["colonoscopy"],
        "facility": [station.pk],
        "area": [str(home.parent.pk)],
        "year": ["2024"],
    }
    assert count("area=x&year=99999&facility=%00") == 30  # what cannot be meant narrows nothing


def test_the_list_of_batches_costs_the_same_however_many_there_are(
    backlog: list[str], an: User, station: Facility, laboratory: Facility
) -> None:
    client = client_of(an)
    homes = list(Area.objects.filter(kind="district").order_by("pk")[:4])

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            page = client.get("/city/failsafe/batches/")
        assert page.context["batches"][0].said == f"quá hạn, {place.name}, {home.name}, mở năm 2024"
        return len(queries)

    costs = []
    for home, place in zip(homes, (station, laboratory) * 2, strict=True):
        asked = Asked(level="late", facility=place.pk, area=str(home.pk), year="2024")
        StepBatch.objects.create(
            kind="close", state="waiting", asked=asked.address, reason="unreachable", actor="user:9", actor_name="Ai"
        )
        costs.append(cost())
    assert costs[1:] == costs[:1] * 3


# Never by one person, never without a reason


def test_who_asked_cannot_confirm(backlog: list[str], an: User) -> None:
    batch = closing(an)
    with pytest.raises(Refused) as refused:
        decide_batch(batch_id=batch.pk, accepted=True, actor=acting(an))
    assert (refused.value.status, states()) == (403, OPEN)
    assert work_on(batch.pk, seconds=5) is None


def test_the_officer_of_another_part_of_the_city_cannot_confirm(backlog: list[str], an: User) -> None:
    district = Area.objects.get(code="005", kind="district", valid_from=date(2008, 8, 1))
    other = Area.objects.get(code="001", kind="district", valid_from=date(2008, 8, 1))
    here, there, beside = officer("đây", district), officer("kia", other), officer("cạnh", district)
    batch = closing(here)
    assert client_of(there).get(f"/city/failsafe/batches/{batch.pk}/").status_code == 404
    with pytest.raises(Refused) as refused:
        decide_batch(batch_id=batch.pk, accepted=True, actor=acting(there))
    assert (refused.value.status, states()) == (403, OPEN)
    whole = closing(an)  # asked for the whole city: not for one district to confirm
    with pytest.raises(Refused):
        decide_batch(batch_id=whole.pk, accepted=True, actor=acting(beside))
    assert decide_batch(batch_id=batch.pk, accepted=True, actor=acting(beside)).state == "queued"


def test_who_has_moved_out_of_the_officers_part_of_the_city_is_left_alone_and_not_named(
    backlog: list[str], binh: User
) -> None:
    district, other = (
        Area.objects.get(code=code, kind="district", valid_from=date(2008, 8, 1)) for code in ("005", "001")
    )
    asking, second = officer("đây", district), officer("cạnh", district)
    batch = closing(asking)
    Episode.objects.filter(patient=backlog[0]).update(area=other)
    decide_batch(batch_id=batch.pk, accepted=True, actor=acting(second))
    finish(batch)
    assert BatchedStep.objects.filter(batch=batch, state="done").count() == 29
    skipped = BatchedStep.objects.get(batch=batch, state="skipped")
    assert (skipped.patient_id, skipped.why) == (backlog[0], "elsewhere")
    address = f"/city/failsafe/batches/{batch.pk}/"
    page = client_of(second).get(address).content.decode()
    assert ("Nguyễn Văn 00" in page, "Nguyễn Văn 01" in page, "Nay ở ngoài khu vực của bạn" in page) == (
        False,
        True,
        True,
    )
    assert set(AccessEntry.objects.filter(reason=address).values_list("patient", flat=True)) == set(backlog[1:])
    assert "Nguyễn Văn 00" in client_of(binh).get(address).content.decode()


def test_a_batch_that_is_refused_leaves_everybody_waiting(backlog: list[str], an: User, binh: User) -> None:
    batch = closing(an)
    decide_batch(batch_id=batch.pk, accepted=False, actor=acting(binh))
    assert (work_on(batch.pk, seconds=5), states()) == (None, OPEN)


@pytest.mark.parametrize("said", [{"reason": ""}, {"reason": "deceased"}, {"evidence": " "}, {"on": date(2999, 1, 1)}])
def test_nothing_closes_without_a_coded_reason_and_its_proof(
    backlog: list[str], an: User, said: dict[str, Any]
) -> None:
    with pytest.raises(Refused) as refused:
        closing(an, **said)
    assert (refused.value.status, StepBatch.objects.count()) == (422, 0)


def test_a_reason_must_be_known_to_all_protocols_of_the_selection(
    backlog: list[str], an: User, send: Sender, station: Facility
) -> None:
    woman = make_patient(station, name="Trần Thị Hoa", gender="female", born="1980-03-12")
    smear = {"code": "21440-3", "valueCodeableConcept": {"text": "Dương tính"}}
    send.fit(woman, None, on="2024-05-06", specimen="C1", **smear)
    everybody = Asked(level="open")
    assert {one.programme for one in everybody.rounds(CITY, ON)} == {"colorectal", "cervical"}
    with pytest.raises(Refused):
        closing(an, asked=everybody, reason="no_cervix")
    assert closing(an, asked=everybody, reason="declined").total == 31


# Every person stays traceable


def test_each_person_keeps_who_when_why_and_the_proof(backlog: list[str], an: User, binh: User) -> None:
    batch = closing(an, note="Đã gọi ba lần")
    decide_batch(batch_id=batch.pk, accepted=True, actor=acting(binh))
    finish(batch)
    assert BatchedStep.objects.filter(batch=batch, state="done").values("patient_id").distinct().count() == 30
    event = EpisodeEvent.objects.get(fact="closed", patient=backlog[7])
    assert (event.actor, event.occurred_on, event.data["reason"]) == (f"user:{binh.pk}", ON, "unreachable")
    told = f"Đã gọi ba lần\nBằng chứng: {PROOF}\nNgười đề nghị: Cán bộ An\nNgười xác nhận: Cán bộ Bình"
    assert event.data["note"] == told
    seen = AccessEntry.objects.filter(patient=backlog[7], resource_type="Episode").order_by("at")
    assert list(seen.values_list("actor_name", "action")) == [("Cán bộ An", "select"), ("Cán bộ Bình", "update")]


def test_a_later_result_opens_the_round_again(backlog: list[str], an: User, binh: User, send: Sender) -> None:
    batch = closing(an)
    decide_batch(batch_id=batch.pk, accepted=True, actor=acting(binh))
    finish(batch)
    send.fit(backlog[0], "80", on="2024-10-20", specimen="D1")
    assert Episode.objects.filter(patient=backlog[0]).latest("opened_on").state == "assessment_due"


def test_what_has_moved_on_meanwhile_is_left_alone_and_says_so(
    backlog: list[str], an: User, binh: User, send: Sender
) -> None:
    batch = closing(an)
    send.procedure(backlog[0], on="2024-09-01", outcome=_found("normal"))
    send.procedure(backlog[1], on="2024-09-01", outcome=_found("advanced-adenoma"))  # under surveillance now
    decide_batch(batch_id=batch.pk, accepted=True, actor=acting(binh))
    finish(batch)
    assert Episode.objects.get(patient=backlog[0]).outcome == "assessed"
    assert Episode.objects.get(patient=backlog[1]).step == "surveillance_colonoscopy"
    skipped = BatchedStep.objects.filter(batch=batch, state="skipped").order_by("id").values_list("patient_id", "why")
    assert set(skipped) == {(backlog[0], "gone"), (backlog[1], "gone")}
    page = client_of(an).get(f"/city/failsafe/batches/{batch.pk}/")
    assert (page.context["line"].done, page.context["line"].skipped) == (28, 2)


def test_what_neither_of_the_two_has_seen_is_not_closed(backlog: list[str], an: User, binh: User, send: Sender) -> None:
    """A new positive, a referral, a second sample of the same day: the step is the same, what is known is not."""
    batch = closing(an)
    send.fit(backlog[0], "300", on="2024-09-20", specimen="E1")
    send.referral(backlog[1], on="2024-09-20", due="2024-10-20")
    send.fit(backlog[2], "90", on="2024-05-06", specimen="E2")
    assert set(Episode.objects.values_list("step", flat=True)) == {"colonoscopy"}
    decide_batch(batch_id=batch.pk, accepted=True, actor=acting(binh))
    finish(batch)
    skipped = BatchedStep.objects.filter(batch=batch, state="skipped").values_list("patient_id", "why")
    assert set(skipped) == {(one, "changed") for one in backlog[:3]}
    assert Episode.objects.exclude(state="closed").count() == 3
    page = client_of(an).get(f"/city/failsafe/batches/{batch.pk}/")
    assert page.content.decode().count("có kết quả, giấy giới thiệu hoặc lần khám mới sau khi đề nghị") == 3


# Undoing, and going on after a kill


def test_undoing_gives_back_exactly_what_was(backlog: list[str], an: User, binh: User, clinician: Actor) -> None:
    before = {one.pk: (one.step, one.due_on, one.owner, one.needs) for one in Episode.objects.all()}
    batch = closing(an)
    decide_batch(batch_id=batch.pk, accepted=True, actor=acting(binh))
    finish(batch)
    reopen_round(episode=Episode.objects.get(patient=backlog[3]), why="Người nhà gọi lại", actor=clinician)
    with pytest.raises(Refused):
        undo_batch(batch_id=batch.pk, why=" ", actor=acting(an))
    client_of(an).post(f"/city/failsafe/batches/{batch.pk}/undo/", {"why": "Nhầm danh sách"})
    finish(batch)
    assert (batch.state, batch.undone_by_name) == ("undone", "Cán bộ An")
    assert {one.pk: (one.step, one.due_on, one.owner, one.needs) for one in Episode.objects.all()} == before
    assert BatchedStep.objects.filter(batch=batch, state="skipped").get().patient_id == backlog[3]
    rebuild()
    assert states() == OPEN


def test_a_worker_killed_between_chunks_loses_nothing_and_doubles_nothing(
    backlog: list[str], an: User, binh: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_work, "CHUNK", 7)
    batch = closing(an)
    decide_batch(batch_id=batch.pk, accepted=True, actor=acting(binh))
    found = work_on(batch.pk, seconds=0)
    assert found
    assert (found.state, Episode.objects.filter(state="closed").count()) == ("queued", 7)
    assert forgotten_batches() == []  # somebody is at it
    StepBatch.objects.update(worked_at=timezone.now() - timedelta(minutes=2))
    assert forgotten_batches() == [batch.pk]
    finish(batch)
    assert (batch.state, EpisodeEvent.objects.filter(fact="closed").count(), states()) == ("done", 30, CLOSED)


def test_one_step_that_cannot_be_done_holds_up_nobody_else(
    backlog: list[str], an: User, binh: User, caplog: pytest.LogCaptureFixture
) -> None:
    """Data that a later version of ours cannot read, here a result without its category, is ours to mend."""
    batch = closing(an)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE screening_episodeevent DISABLE TRIGGER USER")
        cursor.execute("UPDATE screening_episodeevent SET data = data - 'category' WHERE patient_id = %s", [backlog[3]])
        cursor.execute("ALTER TABLE screening_episodeevent ENABLE TRIGGER USER")
    decide_batch(batch_id=batch.pk, accepted=True, actor=acting(binh))
    finish(batch)
    assert (batch.state, batch.steps.filter(state="done").count()) == ("done", 29)
    assert [(one.patient_id, one.why) for one in batch.steps.filter(state="skipped")] == [(backlog[3], "error")]
    assert [one.getMessage() for one in caplog.records if "failed" in one.getMessage()] == [
        f"Step {batch.steps.get(state='skipped').pk} of batch {batch.pk} failed: KeyError"
    ]
    assert "có lỗi khi làm" in client_of(an).get(f"/city/failsafe/batches/{batch.pk}/").content.decode()


def test_many_are_closed_in_as_many_statements_as_one(backlog: list[str], clinician: Actor) -> None:
    def cost(rounds: list[Episode]) -> int:
        with CaptureQueriesContext(connection) as queries:
            answers = close_rounds([Closing(one, "declined", ON) for one in rounds], actor=clinician)
        assert all(answer.event for answer in answers)
        return len(queries)

    rounds = list(Episode.objects.all())
    one = cost(rounds[:1])
    assert cost(rounds[1:29]) == one


# Handing over


def test_all_of_a_filter_go_to_a_facility_and_back(
    backlog: list[str], an: User, station: Facility, laboratory: Facility
) -> None:
    client = client_of(an)
    data = {"count": 30, "facility": laboratory.code, "reason": "Trạm đã đóng cửa"}
    client.post(f"{PAGE}hand-over/?level=late&facility={station.pk}", data)
    batch = finish(StepBatch.objects.get())
    assert set(Episode.objects.values_list("owner", "holder")) == {(laboratory.pk, laboratory.pk)}
    assert CareRelation.objects.filter(facility=laboratory, basis="handed").count() == 30
    undo_batch(batch_id=batch.pk, why="Trạm mở lại", actor=acting(an))
    finish(batch)
    assert set(Episode.objects.values_list("owner", "holder")) == {(station.pk, station.pk)}


def test_undoing_a_handing_over_ends_what_it_let_a_facility_read(
    backlog: list[str], an: User, laboratory: Facility
) -> None:
    """Unless another handing over, or another reason, still lets it read."""
    first, second, third, fourth = backlog[:4]
    presented_at({(second, laboratory.pk)})
    reasons = {"facility": laboratory, "reason": "Gần nhà", "on": date(2024, 6, 1), "actor": acting(an)}
    hand_over(episode=Episode.objects.get(patient=third), **reasons)
    hand_over(episode=Episode.objects.get(patient=third), **{**reasons, "facility": Facility.objects.get(code="01901")})
    asked = Asked(level="late")
    given = {"asked": asked.address, "target": laboratory, "note": "Trạm đóng cửa", "actor": acting(an)}
    batch = finish(ask_hand_over(asked.rounds(CITY, timezone.localdate()), **given))
    reader = Actor("user:9", "Bác sĩ Lý", Role.CLINICIAN, facility=laboratory.pk)

    def read() -> list[bool]:
        seen = set(visible_to(reader).values_list("pk", flat=True))
        return [one in seen for one in (first, second, third, fourth)]

    assert (batch.state, read()) == ("done", [True] * 4)
    undo_batch(batch_id=batch.pk, why="Nhầm cơ sở", actor=acting(an))
    assert (finish(batch).state, read()) == ("undone", [False, True, True, False])
    assert CareRelation.objects.filter(facility=laboratory, basis="handed").count() == 1


def test_handing_over_needs_a_reason_and_somebody(backlog: list[str], an: User, laboratory: Facility) -> None:
    rounds = Asked(level="late").rounds(CITY, timezone.localdate())
    for chosen, note in ((rounds, " "), (rounds.none(), "x")):
        with pytest.raises(Refused) as refused:
            ask_hand_over(chosen, asked={}, target=laboratory, note=note, actor=acting(an))
        assert refused.value.status == 422


@pytest.mark.parametrize("path", [f"{PAGE}close/", "/city/failsafe/batches/", "/city/failsafe/closings/"])
def test_analysts_and_clinics_decide_about_nobody(path: str, station: Facility) -> None:
    for role, place in ((Role.ANALYST, None), (Role.CLINICIAN, station)):
        user = User.objects.create_user(f"{role}@example.vn", name="Ai đó")
        Membership.objects.create(user=user, role=role.value, facility=place)
        assert client_of(user).get(path).status_code == 403


def _found(finding: str) -> dict[str, Any]:
    local = "https://healthhub.example/fhir/CodeSystem/screening"
    return {"coding": [{"system": local, "code": finding}]}
