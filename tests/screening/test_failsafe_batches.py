"""One decision about all steps of a filter: what is asked for, and never by one person or without a reason."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from fhir.outcomes import Refused
from healthhub.accounts.models import User
from healthhub.audit.models import AccessEntry
from records.areas import resolve_area
from records.models import Area, Facility
from screening.failsafe.batch_work import work_on
from screening.failsafe.batches import decide_batch
from screening.failsafe.filters import Asked
from screening.models import BatchedStep, Episode, StepBatch
from tests.screening.batch_room import (
    CITY,
    CLOSED,
    ON,
    OPEN,
    PAGE,
    PROOF,
    acting,
    an,
    backlog,
    binh,
    client_of,
    closing,
    finish,
    officer,
    states,
)
from tests.screening.conftest import Sender, make_patient

__all__ = ["an", "backlog", "binh"]
pytestmark = pytest.mark.django_db


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

    client.get("/city/failsafe/batches/")  # the session has it now as whom she works
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


def test_the_word_of_an_officer_who_is_none_any_more_is_not_carried_out(backlog: list[str], an: User) -> None:
    batch = closing(an)
    second = officer("hai")
    decide_batch(batch_id=batch.pk, accepted=True, actor=acting(second))
    second.memberships.update(valid_to=timezone.localdate() - timedelta(days=1))
    finish(batch)
    assert set(BatchedStep.objects.filter(batch=batch).values_list("state", "why")) == {("skipped", "elsewhere")}


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
