"""One row: everything that is wrong with it at once, and what is put right by itself."""

from datetime import date

import pytest
from django.utils import translation
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from records.models import Facility
from screening.imports.checking import check_row
from screening.imports.columns import Column
from screening.imports.reading import SourceRow
from screening.imports.rows import Row, Rules
from tests.screening.importing import GOOD

pytestmark = pytest.mark.django_db
STATION = Facility(organization_id="org-1", code="01901", name="Trạm y tế")
RULES = Rules({"01901": STATION}, None, date(2024, 12, 31))


def check(rules=RULES, **changes):
    cells = GOOD | changes
    values = {Column(name): value for name, value in cells.items()}
    return check_row(SourceRow(7, list(cells.values()), list(cells.values())), values, rules)


def faults(rules=RULES, **changes):
    found = check(rules, **changes)
    return {problem.column.value: problem.reason for problem in found} if isinstance(found, list) else {}


def test_a_good_row():
    found = check()
    assert isinstance(found, Row)
    assert (found.facility, found.specimen_id, found.identity.cccd) == (STATION, "S001", "000160000001")
    assert (found.birth_date, found.collected_on, found.resulted_on) == (
        date(1960, 3, 12),
        date(2024, 5, 6),
        date(2024, 5, 8),
    )
    assert (found.sex, found.phone, found.area_code, found.test) == ("female", "+84912345678", "00175", "fit")
    assert found.notices == []


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("facility_code", "01999", "Không có cơ sở nào mang mã “01999”."),
        ("facility_code", "x", "Mã cơ sở khám chữa bệnh phải có 5 ký tự, hai ký tự đầu là mã tỉnh."),
        ("specimen_id", "", "Ô này không được để trống."),
        ("specimen_id", "1.23457E+12", "Excel đã làm tròn"),
        ("specimen_id", date(2024, 5, 6), "Excel đã đổi ô này thành ngày tháng."),
        ("citizen_id", "12345", "Thiếu chữ số"),
        ("citizen_id", "ABC", "Phải là số căn cước 12 chữ số"),
        ("full_name", "Nguy?n Th? Lan", "Chữ có dấu đã bị mất"),
        ("full_name", "12345", "Không phải là họ tên."),
        ("full_name", "Lan\x07", "ký tự không in được"),
        ("birth_date", "1960", "Không phải là ngày: “1960”."),
        ("birth_date", "31/02/1960", "Không có ngày này"),
        ("birth_date", "12/13/1960", "Thứ tự là ngày/tháng/năm."),
        ("birth_date", "06/05/2024", "Ngày sinh không trước ngày lấy mẫu."),
        ("birth_date", "01/01/1899", "Ngày trước 01/01/1900."),
        ("sex", "x", "Giới tính “x” không đọc được."),
        ("phone", "123", "Số điện thoại không đúng dạng."),
        ("area_code", "99999", "Không có xã, phường nào mang mã “99999” vào ngày 06/05/2024."),
        ("area_code", "268", "“268” là mã quận, huyện."),
        ("area_code", "001", "mã quận, huyện"),
        ("test", "psa", "Không có xét nghiệm “psa”."),
        ("collected_on", "01/01/2025", "Ngày ở tương lai."),
        ("collected_on", "#N/A", "Không phải là ngày"),
        ("result", "1,234", "có thể là phần nghìn"),
        ("result", "abc", "Không hiểu kết quả “abc”"),
        ("result", "#REF!", "Ô chứa lỗi của Excel"),
        ("unit", "", "Thiếu đơn vị."),
        ("unit", "mg/L", "Đơn vị “mg/L” không dùng cho xét nghiệm này."),
        ("resulted_on", "05/05/2024", "Ngày trả kết quả trước ngày lấy mẫu."),
        ("note", "x" * 2001, "Dài quá 2000 ký tự."),
    ],
)
def test_a_bad_cell_is_told_with_its_column_and_reason(column, value, reason):
    found = faults(**{column: value})
    assert list(found) == [column]
    assert reason in found[column]


def test_every_bad_cell_of_a_row_is_told_at_once_in_the_order_of_the_columns():
    found = faults(note="\x00", sex="?", citizen_id="12", result="abc", birth_date="x")
    assert list(found) == ["citizen_id", "birth_date", "sex", "result", "note"]


def test_reasons_come_in_english_too():
    with translation.override("en"):
        assert "is not known" in faults(result="abc")["result"]


@pytest.mark.parametrize(
    ("changes", "column"),
    [
        ({"result": "300", "cutoff": "1000"}, "cutoff"),
        ({"result": "<50", "cutoff": "50"}, "cutoff"),  # by the protocol nobody can tell
        ({"result": "300", "cutoff": "50"}, ""),
        ({"result": "12,5", "cutoff": "10"}, ""),  # stricter than the protocol
        ({"result": "12,5", "cutoff": "15"}, ""),
    ],
)
def test_a_cutoff_of_the_laboratorys_own_hides_no_positive(changes, column):
    found = check(**changes)
    if column:
        assert [(problem.column, problem.code) for problem in found] == [(column, "cutoff_differs")]
        assert "Theo ngưỡng của quy trình:" in found[0].reason
    else:
        assert f"{found.cutoff:f}" == changes["cutoff"]


def test_only_a_machine_need_not_say_whose_it_is():
    nobody = {"citizen_id": "", "full_name": "", "birth_date": "", "sex": ""}
    assert list(faults(**nobody)) == ["full_name", "birth_date", "sex"]
    found = check(Rules(RULES.facilities, None, RULES.today, loose=True), **nobody)
    assert (found.names_person, found.numbers, found.specimen_id) == (False, set(), "S001")
    assert check(citizen_id="").names_person is False


def test_a_facility_imports_its_own_results_only():
    other = Rules(RULES.facilities, "org-2", RULES.today)
    assert "không phải là mã cơ sở của bạn" in faults(other)["facility_code"]


@pytest.mark.parametrize(
    "value",
    ["06/05/2024", "6/5/2024", "06-05-2024", "06.05.2024", "2024-05-06", "2024-05-06T08:30:00", date(2024, 5, 6)],
)
def test_dates_of_every_usual_form(value):
    assert check(collected_on=value).collected_on == date(2024, 5, 6)


@pytest.mark.parametrize(("value", "sex"), [("Nữ", "female"), ("NU", "female"), ("f", "female"), ("Female", "female")])
def test_words_for_sex(value, sex):
    assert check(sex=value).sex == sex


@pytest.mark.parametrize(
    ("test", "result", "unit"),
    [
        ("FIT", "12.5", "ug/g"),
        ("máu ẩn trong phân", "dương tính", ""),
        ("fit", "Positive", ""),
        ("fit", "<5", "µg/g"),
        ("hpv", "16", ""),
        ("HPV", "âm tính", ""),
        ("cytology", "ASC-US", ""),
        ("Pap smear", "nilm", ""),
        ("via", "Dương tính", ""),
    ],
)
def test_results_in_either_language_and_as_numbers(test, result, unit):
    assert isinstance(check(test=test, result=result, unit=unit), Row)


def test_a_test_for_women_is_not_done_on_men():
    assert "không dành cho giới tính" in faults(test="hpv", result="negative", unit="", sex="Nam")["test"]


def test_zeros_eaten_by_excel_come_back_where_the_rest_confirms_them():
    found = check(facility_code="1901", citizen_id="160000001", area_code="175", phone="912345678")
    assert (found.facility.code, found.identity.cccd) == ("01901", "000160000001")
    assert (found.area_code, found.phone) == ("00175", "+84912345678")
    assert [notice.column.value for notice in found.notices] == ["facility_code", "phone", "area_code", "citizen_id"]


def test_zeros_are_never_guessed():
    assert (
        "Thiếu chữ số" in faults(citizen_id="160000001", birth_date="12/03/1961")["citizen_id"]
    )  # another year of birth
    assert check(citizen_id="7960000001").identity.insurance_number == "7960000001"  # ten digits: a number of its own


def test_odd_numbers_are_kept_with_a_notice():
    found = check(citizen_id="001060000001")  # the digit for a man born 19xx
    assert [notice.text for notice in found.notices] == ["Chữ số thứ tư của số căn cước không khớp với giới tính."]


def test_formulas_and_html_are_just_text():
    found = check(full_name="<script>alert(1)</script>", note="=HYPERLINK(1)", specimen_id="@SUM(1)")
    assert (found.full_name, found.note, found.specimen_id) == ("<script>alert(1)</script>", "=HYPERLINK(1)", "@SUM(1)")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cells=st.fixed_dictionaries(
        {}, optional={name: st.text(max_size=30) | st.dates() | st.sampled_from(list(GOOD.values())) for name in GOOD}
    )
)
def test_whatever_stands_in_a_row_it_is_either_good_or_told(cells):
    found = check(**cells)
    assert isinstance(found, Row) or (found and all(problem.reason for problem in found))
