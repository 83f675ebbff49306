"""A laboratory takes a file in with a browser: columns, review, approval, undo; every page is usable and accessible."""

from pathlib import Path

import pytest
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from healthhub.accounts.actors import Role
from healthhub.accounts.models import User
from records.memberships import actor_for_user
from records.models import Membership
from screening.imports.batches import queue_batch
from screening.imports.running import run_batch
from screening.machines.receiving import receive
from screening.models import ImportBatch
from tests.journeys.browser import PASSWORD, PHONE, browsing, needs_browser
from tests.screening.conftest import make_facility, make_patient
from tests.screening.importing import csv_text, person, row, take
from tests.screening.machine_messages import connection_of, message

pytestmark = needs_browser


@pytest.fixture
def batches(live_server: LiveServer, settings: Settings, tmp_path: Path) -> list[ImportBatch]:
    """A file to review with a row of every kind, and one whose columns nobody knows."""
    settings.MEDIA_ROOT = tmp_path
    station = make_facility("01901", "Trạm y tế Dịch Vọng")
    make_patient(station, name="Nguyễn Thị Hà", gender="female", born="1960-03-12")
    user = User.objects.create_user("viet@example.vn", PASSWORD, name="KTV Phạm Quốc Việt")
    Membership.objects.create(user=user, role=Role.LABORATORY.value, facility=station)
    actor = actor_for_user(user)
    assert actor
    path = tmp_path / "a.csv"
    take(path, csv_text([person(1), person(2)]))
    rows = [
        *(person(n) for n in (1, 3, 3, 4)),
        person(2, result="48,6", note="đã đo lại"),
        person(5, result="nhiều", sex="?"),
        person(6, citizen_id=""),
        row(specimen_id="S7", full_name="Nguyễn Thị Hà", citizen_id="000160000007"),
    ]
    made = []
    for text in (csv_text(rows), "Mã,Kết luận,Tên\nA1,âm tính,Lan"):
        path.write_text(text)
        with path.open("rb") as file:
            made.append(queue_batch(file=file, filename="tháng 5.csv", uploader=user, actor=actor))
        run_batch(made[-1].pk)
    connection_of(station)
    receive(message(), peer="127.0.0.1")
    return made


def test_the_review_of_every_kind_of_row_is_accessible(batches: list[ImportBatch], live_server: LiveServer) -> None:
    faults = {}
    with browsing(live_server.url) as street:
        window = street.window(PHONE)
        window.sign_in("viet@example.vn")
        for kind in ("correction", "close", "nobody", "unchanged", "repeated"):  # the others: test_every_page
            window.open(f"/clinic/imports/{batches[0].pk}/?tab={kind}")
            faults[kind] = window.faults_on_any_screen()
        complaints = window.complaints
    assert {kind: found for kind, found in faults.items() if found} == {}
    assert complaints == []


def test_a_file_is_reviewed_approved_and_undone(batches: list[ImportBatch], live_server: LiveServer) -> None:
    review = batches[0]
    address = f"/clinic/imports/{review.pk}/"
    with browsing(live_server.url) as street:
        window = street.window()
        window.sign_in("viet@example.vn")
        window.open(f"{address}?tab=correction")
        assert "48,6 ug/g" in window.page.inner_text("ins")
        window.page.uncheck("text=Sửa kết quả (1)")
        window.page.click("text=Nhóm nào không lưu thì phải nói lý do")
        window.page.select_option("#leave-reason", "duplicate")
        window.page.click("text=Duyệt và lưu")
        assert "Đang lưu" in window.page.inner_text("main")
        run_in_thread(review.pk)
        window.page.wait_for_selector("text=Hoàn tác cả tệp", timeout=15_000)
        window.page.select_option("#leave-reason", "wrong_file")
        window.page.click("text=Hoàn tác cả tệp")
        run_in_thread(review.pk)
        window.page.wait_for_selector("text=Đã hoàn tác", timeout=15_000)
        complaints = window.complaints
    review.refresh_from_db()
    assert (review.stored, review.parked, review.undone, review.kept) == (2, 2, 4, 0)
    assert complaints == []


def run_in_thread(batch_id: int) -> None:
    """What the worker does; in a thread, for Playwright's loop runs in this one."""
    from threading import Thread

    from django.db import connections

    def work() -> None:
        run_batch(batch_id)
        connections.close_all()

    thread = Thread(target=work)
    thread.start()
    thread.join()
