"""Entering results by scan, one tube after another, as a laboratory does all day."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

from healthhub.accounts.actors import Actor, Role
from records.models import Facility
from screening.laboratory.orders import issue_kit, place_order
from screening.laboratory.specimens import receive
from screening.models import Episode, Kit, KitLot, Order, ScreeningResult, UnmatchedResult
from tests.screening.clinic_room import mark_in, signed_in
from tests.screening.test_laboratory_specimens import make_lot

pytestmark = pytest.mark.django_db
BENCH = "/clinic/bench/"


@pytest.fixture
def technician(station: Facility) -> Client:
    return signed_in(Role.LABORATORY, station)


@pytest.fixture
def kit(station: Facility, clinician: Actor, man: str) -> Kit:
    """A kit of the man, back at the station."""
    return arrive(man, station, clinician, make_lot(station))


def arrive(person: str, station: Facility, clinician: Actor, lot: KitLot | None = None, test: str = "fit") -> Kit:
    order = place_order(patient_id=person, test=test, facility=station, actor=clinician)
    kit = issue_kit(order=Order.objects.get(pk=order), facility=station, actor=clinician, lot=lot)
    receive([kit.barcode], facility=station, actor=clinician)
    return kit


def reading(tube: Kit, /, value: str = "12,5", **changed: str) -> dict[str, str]:
    today = f"{timezone.localdate():%d/%m/%Y}"
    days = {"collected_on": today, "resulted_on": today}
    filled = {"specimen_id": tube.barcode, "test": "fit", "value": value, "unit": "ug/g", "kit": "OC-Sensor"}
    return {**filled, **days, **changed}


def enter(client: Client, kit: Kit, value: str = "12,5", **changed: str) -> None:
    page = client.post(BENCH, reading(kit, value, **changed))
    answer = client.post(BENCH, {**reading(kit, value, **changed), "mark": mark_in(page.content)})
    assert answer.status_code == 302, answer.content.decode()


def test_a_scan_opens_the_tube_and_two_enters_save_it(technician: Client, kit: Kit, man: str) -> None:
    page = technician.post(BENCH, {"scan": f" {kit.barcode.lower()}\n"})
    assert page.context["person"].name == "Nguyễn Văn Đức"
    assert page.context["form"]["kit"].value() == "OC-Sensor"
    assert "autofocus" in str(page.context["form"]["value"])
    page = technician.post(BENCH, reading(kit))
    assert page.context["preview"].reading == "Âm tính: 12,5 µg/g < ngưỡng 20 µg/g"
    assert ScreeningResult.objects.count() == 0
    page = technician.post(BENCH, {**reading(kit), "mark": mark_in(page.content)}, follow=True)
    result = ScreeningResult.objects.get()
    assert (result.patient_id, result.value, result.specimen_id) == (man, Decimal("12.5"), kit.barcode)
    assert Order.objects.get().result_id == result.pk
    assert page.context["last"].result == result
    assert "autofocus" in str(page.context["scan"]["scan"])


def test_the_live_reading_saves_nothing(technician: Client, kit: Kit) -> None:
    page = technician.post(BENCH, reading(kit), headers={"hx-request": "true"})
    again = {**reading(kit), "mark": mark_in(page.content)}
    technician.post(BENCH, again, headers={"hx-request": "true"})
    assert ScreeningResult.objects.count() == 0
    assert "<html" not in page.content.decode()


def test_undo_withdraws_the_last_reading_and_opens_its_tube_again(technician: Client, kit: Kit) -> None:
    enter(technician, kit)
    result = ScreeningResult.objects.get()
    page = technician.post("/clinic/bench/undo/", {"result": result.pk}, follow=True)
    assert ScreeningResult.objects.count() == 0
    assert page.context["form"].tube.barcode == kit.barcode
    assert Order.objects.get().result_id is None
    enter(technician, kit, "48,6")
    assert ScreeningResult.objects.get().outcome == "positive"


def test_only_the_last_reading_can_be_undone(technician: Client, kit: Kit, woman: str, clinician: Actor) -> None:
    enter(technician, kit)
    first = ScreeningResult.objects.get().pk
    enter(technician, arrive(woman, kit.facility, clinician))
    technician.post("/clinic/bench/undo/", {"result": first})
    assert ScreeningResult.objects.filter(pk=first).exists()


def test_a_tube_with_a_result_shows_it_instead_of_the_fields(technician: Client, kit: Kit) -> None:
    enter(technician, kit)
    page = technician.post(BENCH, {"scan": kit.barcode})
    assert (page.context.get("form"), page.context["held"].result) == (None, ScreeningResult.objects.get())


def test_a_result_sent_twice_is_saved_once(technician: Client, kit: Kit) -> None:
    page = technician.post(BENCH, reading(kit))
    filled = {**reading(kit), "mark": mark_in(page.content)}
    technician.post(BENCH, filled)
    page = technician.post(BENCH, filled)
    assert "Mẫu này của cơ sở đã có kết quả" in page.content.decode()
    assert ScreeningResult.objects.count() == 1


def test_a_kit_that_had_expired_is_not_read(technician: Client, station: Facility, clinician: Actor, man: str) -> None:
    lot = make_lot(station)
    kit = arrive(man, station, clinician, lot)
    KitLot.objects.update(expires_on=timezone.localdate() - timedelta(days=1))
    page = technician.post(BENCH, reading(kit, "3"))
    assert "hết hạn" in page.context["form"].errors["value"][0]
    assert page.context["preview"] is None
    enter(technician, kit, "", category="inadequate")
    assert Episode.objects.get().state == "repeat_due"


def test_a_mistyped_code_is_told_apart_from_an_unknown_one(technician: Client, kit: Kit) -> None:
    wrong = kit.barcode[:-1] + ("0" if kit.barcode[-1] != "0" else "1")
    page = technician.post(BENCH, {"scan": wrong}).content.decode()
    assert "ký tự kiểm tra không khớp" in page
    page = technician.post(BENCH, {"scan": "TUBE-OF-NOBODY"}).content.decode()
    assert "/clinic/bench/matching/new/?code=TUBE-OF-NOBODY" in page


def test_a_tube_of_another_facility_shows_nobody(laboratory: Facility, kit: Kit) -> None:
    page = signed_in(Role.LABORATORY, laboratory).post(BENCH, {"scan": kit.barcode})
    assert "Nguyễn Văn Đức" not in page.content.decode()
    assert page.context.get("person") is None


def test_a_result_of_nobody_goes_to_the_queue(technician: Client) -> None:
    form = {"specimen_id": "TUBE-OF-NOBODY", "test": "fit", "value": "48,6", "unit": "µg/g", "full_name": "Đức"}
    technician.post("/clinic/bench/matching/new/", form)
    row = UnmatchedResult.objects.get()
    assert (row.source, row.reason, row.fields["value"]) == ("bench", "specimen_unknown", "48,6")


def test_pain_form_shows_treatment_for_negatives(technician: Client, kit: Kit, man: str) -> None:
    """Pain (KenyaEMR): the form offered treatment to negatives. Here a negative leads to no step at all."""
    page = technician.post(BENCH, reading(kit, "3"))
    assert page.context["preview"].kind == "good"
    assert "Bước tiếp theo" not in page.context["preview"].next_step
    enter(technician, kit, "3")
    result = ScreeningResult.objects.get()
    for step in ("refer", "assess"):
        assert technician.get(f"/clinic/people/{man}/results/{result.pk}/{step}/").status_code == 404
    assert (Episode.objects.get().state, Episode.objects.get().step) == ("closed", "")


def test_pain_results_not_aligned_with_method(
    technician: Client, station: Facility, clinician: Actor, woman: str
) -> None:
    """Pain (KenyaEMR): one list of results for every method. Here a tube offers the results of its own test only."""
    kit = arrive(woman, station, clinician, test="hpv")
    form = technician.post(BENCH, {"scan": kit.barcode}).context["form"]
    offered = {key for key, _label in form.fields["category"].choices}
    assert {"hpv16", "negative", "inadequate"} <= offered
    assert offered & {"asc_us", "hsil", "via_positive", "suspicious"} == set()
    assert set(form.fields) & {"value", "unit", "kit", "cutoff"} == set()
    for strange in ("hsil", "48,6"):
        page = technician.post(BENCH, reading(kit, test="hpv", category=strange))
        assert page.context["form"].errors["category"]


@pytest.mark.parametrize(("unit", "kit_name"), [("ng/L", "OC-Sensor"), ("ng/mL", "FOB Gold")])
def test_units_are_never_guessed(technician: Client, kit: Kit, unit: str, kit_name: str) -> None:
    """A unit that the test does not know is refused; one that only another kit's factor could convert is not converted
    (FOB Gold publishes none, so its ng/mL are read as ng/mL)."""
    page = technician.post(BENCH, reading(kit, "48,6", unit=unit, kit=kit_name))
    if unit == "ng/L":
        assert page.context["form"].errors["unit"]
        assert page.context["preview"] is None
    else:
        assert page.context["preview"].reading == "Âm tính: 48,6 ng/mL < ngưỡng 100 ng/mL"


def test_a_sample_is_rejected_with_a_reason(technician: Client, kit: Kit) -> None:
    address = f"/clinic/bench/reject/{kit.barcode}/"
    assert technician.post(address, {"note": ""}).context["form"].errors["reason"]
    technician.post(address, {"reason": "insufficient"})
    assert (Episode.objects.get().state, ScreeningResult.objects.get().outcome) == ("repeat_due", "inadequate")


def test_a_rejection_is_taken_back_on_the_page_of_the_tube(technician: Client, kit: Kit) -> None:
    technician.post(f"/clinic/bench/reject/{kit.barcode}/", {"reason": "insufficient"})
    address = f"/clinic/bench/tubes/{kit.barcode}/"
    assert address in technician.post(BENCH, {"scan": kit.barcode}).content.decode()
    assert technician.get(address).context["may_accept"] is True
    for _twice in range(2):
        technician.post(address, {"action": "accept"})
    assert (ScreeningResult.objects.count(), Episode.objects.exclude(state="closed").count()) == (0, 0)
    assert [event.kind for event in technician.get(address).context["custody"]][-1] == "received"
    enter(technician, kit)
    assert ScreeningResult.objects.get().outcome == "negative"


def test_a_tube_is_disposed_of_once_and_only_with_a_result(technician: Client, kit: Kit, laboratory: Facility) -> None:
    address = f"/clinic/bench/tubes/{kit.barcode}/"
    technician.post(address, {"action": "dispose"})
    assert technician.get(address).context["may_dispose"] is False
    enter(technician, kit)
    assert technician.get(address).context["may_dispose"] is True
    for _twice in range(2):
        technician.post(address, {"action": "dispose"})
    assert [event.kind for event in technician.get(address).context["custody"]] == ["issued", "received", "disposed"]
    assert signed_in(Role.LABORATORY, laboratory).get(address).status_code == 404


def test_scans_are_received_together(technician: Client, station: Facility, clinician: Actor, man: str) -> None:
    order = place_order(patient_id=man, test="fit", facility=station, actor=clinician)
    kit = issue_kit(order=Order.objects.get(pk=order), facility=station, actor=clinician)
    page = technician.post("/clinic/bench/receive/", {"scans": f"{kit.barcode}\nNOBODY", "collected_on": "05/05/2026"})
    assert [line["receipt"].state for line in page.context["lines"]] == ["new", "unknown"]
    tube = technician.post(BENCH, {"scan": kit.barcode}).context["form"]
    assert tube["collected_on"].value() == date(2026, 5, 5)


@pytest.mark.parametrize("role", [Role.CITIZEN, Role.OFFICER])
def test_only_staff_of_a_facility_open_the_bench(role: Role, man: str) -> None:
    assert signed_in(role, patient=man if role is Role.CITIZEN else None).get(BENCH).status_code == 403


def test_a_code_that_no_database_takes_is_unknown(technician: Client) -> None:
    assert technician.post(BENCH, {"specimen_id": "\x00", "test": "fit"}).status_code == 200
    assert technician.get("/clinic/bench/reject/a%00b/").status_code == 404
    assert technician.get("/clinic/labels/?code=%00").status_code == 404
