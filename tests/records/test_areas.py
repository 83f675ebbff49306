from datetime import date

import pytest

from records.areas import area_ids, areas_in_force, district_of, resolve_area, successors
from records.models import Area, AreaKind, AreaSuccession

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("on", "kind", "count"),
    [
        (date(2017, 6, 1), AreaKind.DISTRICT, 30),
        (date(2017, 6, 1), AreaKind.COMMUNE, 584),
        (date(2020, 2, 29), AreaKind.COMMUNE, 584),
        (date(2020, 3, 1), AreaKind.COMMUNE, 579),
        (date(2025, 1, 1), AreaKind.COMMUNE, 526),
        (date(2025, 6, 30), AreaKind.WARD, 0),
        (date(2025, 7, 1), AreaKind.WARD, 126),
        (date(2025, 7, 1), AreaKind.COMMUNE, 0),
        (date(2025, 7, 1), AreaKind.DISTRICT, 0),
    ],
)
def test_each_day_has_the_units_of_its_time(on: date, kind: AreaKind, count: int) -> None:
    assert len(areas_in_force(on, kind)) == count


@pytest.mark.parametrize(
    ("on", "name"),
    [
        (date(2017, 6, 1), "Phường Trung Tự"),
        (date(2025, 3, 1), "Phường Phương Liên - Trung Tự"),
        (date(2026, 1, 1), "Phường Văn Miếu - Quốc Tử Giám"),
    ],
)
def test_a_code_is_another_ward_at_another_time(on: date, name: str) -> None:
    area = resolve_area("00226", on)

    assert area is not None
    assert area.name == name
    assert area_ids({("00226", on)}) == {("00226", on): area.pk}


def test_an_unknown_code_is_no_unit() -> None:
    assert resolve_area("99999", date(2017, 6, 1)) is None
    assert area_ids({("99999", None)}) == {}


def test_without_a_day_or_outside_the_life_span_a_code_means_its_newest_unit() -> None:
    newest = Area.objects.get(code="00013").pk  # Phường Quán Thánh, a code that was not used again

    assert set(area_ids({("00013", None), ("00013", date(2026, 1, 1))}).values()) == {newest}


def test_every_commune_lies_in_a_district_and_no_ward_does() -> None:
    commune, ward = resolve_area("00013", date(2017, 6, 1)), resolve_area("00004", date(2026, 1, 1))
    assert commune is not None
    assert ward is not None
    district = district_of(commune)
    assert district is not None
    assert (district.name, district_of(district)) == ("Quận Ba Đình", district)
    assert district_of(ward) is None
    assert not Area.objects.filter(kind=AreaKind.COMMUNE, parent=None).exists()


def test_successors_follow_every_merger_to_the_units_of_today() -> None:
    lien = resolve_area("00220", date(2017, 6, 1))  # Phương Liên -> Phương Liên - Trung Tự -> …
    assert lien is not None
    assert [area.name for area in successors(lien)] == ["Phường Văn Miếu - Quốc Tử Giám", "Phường Kim Liên"]
    assert successors(successors(lien)[0]) == [successors(lien)[0]]


def test_units_of_today_stem_from_every_commune_whose_fate_is_known() -> None:
    without = Area.objects.filter(kind=AreaKind.COMMUNE, became__isnull=True)

    assert [area.name for area in without] == ["Phường Cầu Dền"]
    assert AreaSuccession.objects.filter(new__valid_to=None).values("new").distinct().count() == 126
