from datetime import date

import pytest

from records.identifiers import (
    LABELS,
    Identifier,
    Malformed,
    demo_cccd,
    parse_cccd,
    parse_facility_code,
    parse_insurance_number,
    parse_phone,
)


def test_a_cccd_that_agrees_with_the_person_has_no_warnings() -> None:
    assert parse_cccd("001 160.000001", sex="female", birth_date=date(1960, 3, 12)) == Identifier("001160000001")
    assert parse_cccd("001202000001", sex="male", birth_date=date(2002, 3, 12)) == Identifier("001202000001")


@pytest.mark.parametrize("text", ["", "00116000001", "0011600000012", "00116000000a", "٠٠١١٦٠٠٠٠٠٠١"])
def test_a_cccd_of_another_shape_is_refused(text: str) -> None:
    with pytest.raises(Malformed) as error:
        parse_cccd(text)
    assert error.value.code == "cccd-shape"


def test_contradictions_in_a_cccd_are_warnings() -> None:
    assert parse_cccd("003060000001", sex="female", birth_date=date(1961, 1, 1)).warnings == (
        "cccd-province",
        "cccd-sex",
        "cccd-birth-year",
    )
    assert parse_cccd("001060000001", birth_date=date(2060, 1, 1)).warnings == ("cccd-birth-year",)


def test_demo_numbers_are_well_formed_and_cannot_be_anybodys() -> None:
    number = demo_cccd(40_699, sex="female", birth_year=1971)

    assert number == "000171040699"
    assert parse_cccd(number, sex="female", birth_date=date(1971, 5, 5)) == Identifier(number, ("demo-number",))
    with pytest.raises(ValueError, match="six free digits"):
        demo_cccd(1_000_000)


@pytest.mark.parametrize("text", ["GD4010123456789", "gd 4 01 0123456789", "0123456789", "001160000001"])
def test_all_three_forms_of_the_insurance_number_live(text: str) -> None:
    assert parse_insurance_number(text).value == text.replace(" ", "").upper()


@pytest.mark.parametrize("text", ["GD6010123456789", "G14010123456789", "012345678", "12345678901"])
def test_an_insurance_number_of_another_shape_is_refused(text: str) -> None:
    with pytest.raises(Malformed) as error:
        parse_insurance_number(text)
    assert error.value.code == "insurance-shape"


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("0912 345 678", "+84912345678"),
        ("+84 912.345.678", "+84912345678"),
        ("84912345678", "+84912345678"),
        ("(024) 3825-3535", "+842438253535"),
        ("+1 650 555 0100", "+16505550100"),
    ],
)
def test_telephone_numbers_are_stored_in_one_form(text: str, stored: str) -> None:
    assert parse_phone(text).value == stored


@pytest.mark.parametrize("text", ["0112345678", "09123456789", "555-0100", "+8491234"])
def test_other_digits_are_no_telephone_number(text: str) -> None:
    with pytest.raises(Malformed):
        parse_phone(text)


def test_a_facility_code_has_five_characters() -> None:
    assert parse_facility_code("01f01").value == "01F01"
    for text in ("1901", "019011", "F1901"):
        with pytest.raises(Malformed):
            parse_facility_code(text)


def test_every_refusal_and_warning_can_be_told_to_a_user() -> None:
    codes = {"cccd-shape", "insurance-shape", "phone-shape", "facility-shape"}
    assert codes | {"cccd-province", "cccd-sex", "cccd-birth-year", "demo-number"} == set(LABELS)
