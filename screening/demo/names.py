"""Vietnamese names as Hanoians of a sex and a generation bear them.

Family names follow the shares known for the Kinh of the north (Nguyễn about 38 %); middle and given names are lists of
our own, weighted by how fashions went: "Thị" and "Văn" mark the older generations.
"""

from random import Random
from typing import NamedTuple

FAMILY = {
    "Nguyễn": 384, "Trần": 110, "Lê": 85, "Phạm": 75, "Hoàng": 48, "Vũ": 48, "Phan": 25, "Bùi": 25, "Đặng": 24,
    "Đỗ": 24, "Ngô": 16, "Dương": 12, "Đinh": 11, "Đào": 11, "Trịnh": 10, "Lương": 9, "Mai": 8, "Hà": 8,
    "Tạ": 8, "Lưu": 7, "Chu": 6, "Cao": 6, "Phùng": 6, "Trương": 6, "Đoàn": 5, "Kiều": 4, "Nghiêm": 4, "Lý": 4,
    "Vương": 3, "Tô": 3, "Quách": 2, "Doãn": 2, "Bạch": 2, "Đàm": 2, "Thái": 1,
}  # fmt: skip


class Fashion(NamedTuple):
    """The middle and given names of one sex and generation, with weights."""

    middle: dict[str, int]
    given: str


_FASHIONS = {
    ("male", 1955): Fashion(
        {"Văn": 46, "Đức": 7, "Hữu": 7, "Đình": 8, "Xuân": 7, "Quang": 5, "Ngọc": 5, "Bá": 4, "Công": 4, "Duy": 3,
         "Trọng": 4},
        "Hùng Bình Minh Sơn Hòa Thành Thắng Lợi Tiến Khánh Phúc Lộc Thọ Cường Dũng Đức Chính Trung Hải Long Quý Tính "
        "Toàn Thịnh Vinh Nghĩa Lâm Khải Bảo Chiến Khoa Cảnh Đạt Hiền Kiên Mùi Ngọ Thìn Tuất Tý Sửu",
    ),
    ("male", 1975): Fashion(
        {"Văn": 34, "Đức": 9, "Quang": 8, "Ngọc": 7, "Mạnh": 7, "Xuân": 6, "Đình": 6, "Hữu": 5, "Tiến": 5, "Anh": 4,
         "Huy": 3},
        "Hùng Dũng Cường Tuấn Hải Sơn Minh Thắng Long Hưng Thành Nam Trung Quân Hà Đức Hiếu Bình Chiến Tùng Việt Khánh "
        "Lâm Phong Toàn Vinh Thịnh Tú Giang Đông Phương Quyết Kiên Trường Thái Hoàng",
    ),
    ("male", 2000): Fashion(
        {"Minh": 14, "Văn": 14, "Đức": 12, "Quang": 9, "Tuấn": 8, "Hoàng": 8, "Anh": 7, "Mạnh": 6, "Duy": 6, "Việt": 5},
        "Anh Hiếu Dũng Nam Long Hoàng Đức Tùng Huy Sơn Linh Phong Khánh Kiên Trung Thành Việt Quân Thắng Bách Đạt",
    ),
    ("female", 1955): Fashion(
        {"Thị": 78, "Thị Kim": 3, "Thị Minh": 3, "Thị Bích": 2, "Kim": 3, "Ngọc": 2, "Thanh": 2, "Bích": 2},
        "Lan Hoa Hồng Mai Cúc Đào Liên Nga Nhung Thảo Tuyết Vân Yến Oanh Phượng Loan Thu Xuân Hạnh Hiền Hòa Bình Minh "
        "Tâm Thanh Lý Nguyệt Hợi Mùi Sửu Tý Dần Chắt Tẹo Gái Nhàn Nụ Sen Thơm Thìn Luyến Mận Na Tho Lợi Lộc Vinh",
    ),
    ("female", 1975): Fashion(
        {"Thị": 52, "Thị Thu": 7, "Thị Thanh": 7, "Thị Hồng": 5, "Thị Kim": 4, "Thị Minh": 4, "Thị Bích": 4, "Thu": 4,
         "Thanh": 4, "Minh": 3, "Hồng": 3, "Ngọc": 3},
        "Hương Hà Hằng Hạnh Lan Hoa Nga Thủy Thúy Dung Huyền Hiền Oanh Yến Vân Phương Mai Loan Liên Tuyết Nhung Thảo "
        "Bình Hòa Tâm Thoa Hường Lý Chi Giang Trang Quyên Ngọc Ngân Anh Xuân Tuyến Huệ",
    ),
    ("female", 2000): Fashion(
        {"Thị": 24, "Thu": 10, "Thị Thu": 8, "Thị Thanh": 6, "Phương": 8, "Thùy": 8, "Ngọc": 8, "Minh": 7, "Hồng": 6,
         "Thanh": 6, "Khánh": 3, "Mai": 3, "Quỳnh": 3},
        "Trang Linh Hương Hà Anh Huyền Phương Thảo Ngọc Nga Hằng Dung Giang Chi Ly Mai Lan Yến Nhung Vân Hạnh "
        "Quỳnh Trà My",
    ),
}  # fmt: skip

# Lists are ordered from common to rare; a given name's weight falls with its place.
_GIVEN = {key: (names := fashion.given.split(), [1 / (rank + 6) for rank in range(len(names))])
          for key, fashion in _FASHIONS.items()}  # fmt: skip


class Name(NamedTuple):
    """A name by its parts; `given` holds the middle names too, syllable by syllable, as FHIR's `given` does."""

    family: str
    given: tuple[str, ...]

    @property
    def text(self) -> str:
        """The full name in Vietnamese order."""
        return " ".join((self.family, *self.given))


def random_name(rng: Random, *, sex: str, birth_year: int) -> Name:
    """A name that somebody of this sex ("male" or "female") and year of birth could bear."""
    generation = next((limit for limit in (1955, 1975) if birth_year < limit), 2000)
    family = rng.choices(list(FAMILY), list(FAMILY.values()))[0]
    middle = _FASHIONS[sex, generation].middle
    given = rng.choices(*_GIVEN[sex, generation])[0]
    between = rng.choices(list(middle), list(middle.values()))[0]
    return Name(family, (*(word for word in between.split() if word != given), given))
