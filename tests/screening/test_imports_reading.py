"""Files as clinics send them: any encoding, delimiter, heading and order."""

from datetime import date, datetime

import pytest

from screening.imports.columns import Column, recognise
from screening.imports.reading import Unreadable, clean, open_sheet, settle
from tests.screening.importing import ENGLISH, GOOD, HEADINGS, csv_text, row, write_xlsx


def read(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    sheet = open_sheet(path)
    sheet.notices = settle(sheet.header) + sheet.notices
    return sheet, list(sheet.rows)


def values(sheet, found):
    return sheet.header.values(found.cells)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "kết quả.csv"


@pytest.mark.parametrize("header", [ENGLISH, HEADINGS, [text.upper() for text in HEADINGS]])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_every_usual_form_of_csv(path, header, delimiter, encoding):
    sheet, rows = read(path, csv_text([row()], header=header, delimiter=delimiter).encode(encoding))
    assert [found.number for found in rows] == [2]
    assert {column.value: cell for column, cell in values(sheet, rows[0]).items()} == GOOD


@pytest.mark.parametrize(
    "heading",
    ["Số định danh", "so dinh danh", "SỐ ĐỊNH DANH (CCCD)", "citizen_id", "Citizen ID", "Số CCCD", " số  định danh:*"],
)
def test_headings_are_compared_without_accents_case_and_remarks(heading):
    assert recognise([heading]).places == {Column.CITIZEN_ID: 0}


def test_any_order_blank_lines_titles_and_extra_columns(path):
    header = ["STT", *reversed(HEADINGS)]
    lines = csv_text([["1", *reversed(row())], [""] * 15, ["2", *reversed(row(specimen_id="S2"))]], header=header)
    sheet, rows = read(path, "Trạm y tế phường\nBáo cáo tháng 5\n\n" + lines)
    assert [(found.number, values(sheet, found)[Column.SPECIMEN_ID]) for found in rows] == [(5, "S001"), (7, "S2")]
    assert sheet.notices == ["Các cột không dùng đến đã được bỏ qua: STT."]


def test_missing_columns_are_named_in_both_languages(path):
    with pytest.raises(Unreadable) as refused:
        read(path, "specimen_id,Họ và tên,sex,test,result,collected_on,facility_code\n")
    assert str(refused.value) == "Thiếu cột bắt buộc: citizen_id (Số định danh), birth_date (Ngày sinh)."


def test_a_column_that_comes_twice_is_refused(path):
    with pytest.raises(Unreadable, match="Cột xuất hiện hai lần: result"):
        read(path, csv_text([], header=[*ENGLISH, "Kết quả"]))


def test_optional_columns_may_be_missing(path):
    needed = [name for name in ENGLISH if name not in ("phone", "area_code", "unit", "resulted_on", "note")]
    sheet, rows = read(path, csv_text([[GOOD[name] for name in needed]], header=needed))
    assert set(values(sheet, rows[0])) == set(map(Column, needed))


def test_windows_1258_is_read_with_a_word_of_caution(path):
    written = "Tr\u00e2\u0300n Thi\u0323 H\u01b0\u01a1ng"  # as this code page has it: tones are marks of their own
    text = csv_text([row(full_name=written, sex="F", unit="ug/g")])
    sheet, rows = read(path, text.encode("cp1258"))
    assert values(sheet, rows[0])[Column.FULL_NAME] == "Trần Thị Hương"
    assert "Windows-1258" in sheet.notices[0]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "không có nội dung"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)), "không phải là CSV"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, r"\.xls"),
        (b"PK\x03\x04 no zip at all", "Excel"),
        (b"hello\nworld\n", "dòng tiêu đề"),
    ],
)
def test_what_is_no_results_file_is_refused_with_a_reason(path, content, reason):
    with pytest.raises(Unreadable, match=reason):
        read(path, content)


def test_a_quote_that_never_closes_damages_its_own_line_only(path):
    lines = [line for number in range(200) for line in csv_text([row(specimen_id=f"S{number}")]).splitlines()[1:]]
    lines[3] += '"open'
    for line in (lines[3].replace(GOOD["full_name"], f'"{GOOD["full_name"]}'), '"' + "x" * 200_000):
        text = "\r\n".join([*csv_text([]).splitlines(), *lines[:3], line, *lines[4:]])
        sheet, rows = read(path, text)
        assert [found.number for found in rows] == list(range(2, 202))
        assert [found.number for found in rows if found.damage] == [5]
        assert values(sheet, rows[4])[Column.SPECIMEN_ID] == "S4"


def test_a_quote_closed_by_another_row_swallows_none(path):
    lines = csv_text([row(specimen_id=f"S{number}", note="note") for number in range(12)]).splitlines()
    lines[3] = lines[3].replace("note", '"open')
    lines[9] = lines[9].replace("note", '"quoted"')
    _sheet, rows = read(path, "\r\n".join(lines))
    assert [(found.number, bool(found.damage)) for found in rows] == [(number, number == 4) for number in range(2, 14)]
    assert rows[2].texts[1] == "S2"


def test_a_note_may_have_several_lines(path):
    sheet, rows = read(path, csv_text([row(note='first, with comma\n\nsaid "second"'), row(specimen_id="S2")]))
    assert [values(sheet, found)[Column.NOTE] for found in rows] == ['first, with comma\n\nsaid "second"', ""]


@pytest.mark.parametrize("part", ["xl/sharedStrings.xml", "xl/workbook.xml", "xl/worksheets/sheet1.xml"])
def test_a_workbook_that_would_fill_the_memory_is_refused(tmp_path, part):
    import zipfile

    path = write_xlsx(tmp_path / "a.xlsx", [row()])
    with zipfile.ZipFile(path) as book:
        parts = {name: book.read(name) for name in book.namelist() if name != part}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        for name, content in parts.items():
            book.writestr(name, content)
        book.writestr(part, b" " * 70_000_000)
    with pytest.raises(Unreadable, match="quá lớn khi giải nén"):
        open_sheet(path)


def test_more_cells_than_headings_are_told(path):
    _sheet, rows = read(path, csv_text([[*row(note="tốt"), "thừa"]]))
    assert "nhiều ô hơn" in rows[0].damage


def test_excel_keeps_dates_and_numbers_and_only_the_sheet_with_the_header(tmp_path):
    from openpyxl import load_workbook

    path = write_xlsx(
        tmp_path / "a.xlsx",
        [
            row(
                citizen_id=160000001,
                birth_date=datetime.fromisoformat("1960-03-12"),
                collected_on=date(2024, 5, 6),
                result=12.3,
            )
        ],
    )
    book = load_workbook(path)
    book.create_sheet("Hướng dẫn", 0).append(["Điền vào trang sau"])
    book.save(path)
    sheet = open_sheet(path)
    (found,) = sheet.rows
    assert found.number == 2
    assert values(sheet, found)[Column.CITIZEN_ID] == "160000001"
    cells = values(sheet, found)
    assert (cells[Column.BIRTH_DATE], cells[Column.COLLECTED_ON]) == (date(1960, 3, 12), date(2024, 5, 6))
    assert values(sheet, found)[Column.RESULT] == "12.3"
    assert "các trang khác được bỏ qua" in sheet.notices[-1]


def test_cells_are_composed_and_without_invisible_characters():
    assert clean(" Nguyễn\u00a0Thị\u200b ") == "Nguyễn Thị"
    assert clean("'=1+1") == "=1+1"
    assert clean("'quoted") == "'quoted"


def test_memory_does_not_grow_with_the_file(path):
    import tracemalloc

    peaks = []
    for count in (10_000, 30_000):
        path.write_text(csv_text([row()] * count))
        tracemalloc.start()
        assert sum(1 for _row in open_sheet(path).rows) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.2
