import unicodedata

import pytest

from records.names import fold, join_name, sort_key, split_name


@pytest.mark.parametrize(
    ("name", "folded"),
    [
        ("Nguyễn Văn Đức", "nguyen van duc"),
        ("  ĐẶNG   Thị Hoà ", "dang thi hoa"),
        (unicodedata.normalize("NFD", "Trần Thị Tuyết"), "tran thi tuyet"),
        ("Y Moan Ênuôl", "y moan enuol"),
    ],
)
def test_names_are_compared_without_case_and_diacritics(name: str, folded: str) -> None:
    assert fold(name) == folded


def test_the_list_goes_by_given_name_then_family_name_in_vietnamese_order() -> None:
    ordered = [
        "Lê An",
        "Nguyễn Thị An",
        "Nguyễn Văn An",
        "Lê Thị Ánh",
        "Vũ Ăn",
        "Trần Văn Ân",
        "Đỗ Dũng",
        "Đỗ Đức",
        "Phạm Hoa",
        "Phạm Hòa",
        "Phạm Hỏa",
        "Phạm Họa",
        "Phạm Hoan",
    ]

    assert sorted(set(ordered), key=sort_key) == ordered


def test_the_place_of_the_tone_mark_does_not_change_the_order() -> None:
    assert sort_key("Phạm Hoà") == sort_key("Phạm Hòa") == sort_key(unicodedata.normalize("NFD", "phạm hòa"))


def test_sort_keys_are_ascii_whatever_the_name() -> None:
    assert sort_key("Nguyễn Văn Đức").isascii()
    assert sort_key("O'Brien-Müller 王 3").isascii()


def test_a_vietnamese_name_begins_with_the_family_name() -> None:
    assert split_name("Nguyễn Văn Đức") == ("Nguyễn", ["Văn", "Đức"])
    assert split_name("Đức") == ("Đức", [])
    assert split_name("") == ("", [])


@pytest.mark.parametrize(
    ("family", "given", "name"),
    [
        ("Nguyễn", ["Văn", "Đức"], "Nguyễn Văn Đức"),
        ("nguyen", ["Van Duc"], "nguyen Van Duc"),
        ("Marquardt", ["Adolfo"], "Adolfo Marquardt"),
        ("", ["Adolfo"], "Adolfo"),
    ],
)
def test_parts_are_joined_in_the_order_of_their_language(family: str, given: list[str], name: str) -> None:
    assert join_name(family, given) == name
