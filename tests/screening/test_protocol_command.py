"""manage.py protocol: check, diff, dry-run with counts worked out by hand, publish."""

import io
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from fhir.models import Resource
from records.models import Citizen, Facility
from screening.models import Episode, Standing
from screening.paper import COUNTS, run_on_paper
from screening.protocol.load import FOLDER, parse
from tests.screening.conftest import Sender, make_patient
from tests.screening.protocol_drafts import NEXT_YEAR, colorectal_text, older_and_rarer


def protocol(*words: object) -> str:
    out = io.StringIO()
    call_command("protocol", *map(str, words), stdout=out, stderr=io.StringIO())
    return out.getvalue()


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    path = tmp_path / "colorectal_2027.toml"
    path.write_text(older_and_rarer(), encoding="utf-8")
    return path


def test_check_says_that_a_file_is_sound(draft: Path) -> None:
    assert protocol("check", draft) == "colorectal 2027.1: no fault.\n"
    assert protocol("check", "breast@2026.1") == "breast 2026.1: no fault.\n"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.toml")), ids=lambda path: path.name)
def test_every_shipped_file_passes(path: Path) -> None:
    assert protocol("check", path).endswith("no fault.\n")


def test_check_names_every_fault_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(
        colorectal_text(
            min_age__40="max_age = 30\nmin_age = 40",
            limit_days__180="limit_days = 18",
        ),
        encoding="utf-8",
    )
    with pytest.raises(CommandError) as caught:
        protocol("check", path)
    assert str(caught.value).splitlines() == [
        "bad.toml: eligibility.bands[0]: ends before it begins",
        "bad.toml: steps.colonoscopy: within_days (or _months) must be above 0 and not beyond limit_days (or _months)",
    ]


def test_check_finds_a_version_that_is_there_already(tmp_path: Path) -> None:
    path = tmp_path / "same_day.toml"
    path.write_text(colorectal_text(valid_from=NEXT_YEAR.replace(year=2026)), encoding="utf-8")
    with pytest.raises(CommandError, match="another file has this version or first day"):
        protocol("check", path)


def test_what_is_no_file_and_no_version_is_told() -> None:
    with pytest.raises(CommandError, match=r"no such file, nor a known version \(breast@2026.1, "):
        protocol("check", "toe@1")


@pytest.mark.django_db
def test_diff_says_in_words_what_changed(draft: Path) -> None:
    lines = protocol("diff", "colorectal@2026.1", draft).splitlines()
    assert lines[:4] == [
        "~ version: 2026.1 → 2027.1",
        "~ in force from: 01/01/2026 → 01/01/2027",
        "~ Who it is for, age band 1: age from: 40 → 50",
        "~ Who it is for, age band 1: interval (months): 12 → 24",
    ]
    assert "~ Test “FIT (faecal immunochemical test)”, result “Negative”: next round after (months): 12 → 24" in lines
    vietnamese = protocol("diff", "colorectal@2026.1", draft, "--language", "vi")
    assert "~ Xét nghiệm “FIT (máu ẩn trong phân)”, kết quả “Âm tính”: lần sau sau (tháng): 12 → 24" in vietnamese
    assert protocol("diff", draft, draft) == "No difference.\n"
    rows = json.loads(protocol("diff", "colorectal@2026.1", draft, "--json"))
    paths = {row["path"]: (row["old"], row["new"]) for row in rows}
    assert paths["tests.fit.categories.negative.next_months"] == ("12", "24")


@pytest.fixture
def cohort(send: Sender, station: Facility) -> dict[str, int]:
    """Five people in two communes; codes -> area ids.

    On 1 January 2027 (old: from 40, yearly; new: from 50, every 24 months):
    An, 66, negative in May 2026: due May 2027 -> May 2028; screened before and after.
    Ba, 66, negative in June 2025: due June 2026 (overdue) -> June 2027 (screened).
    Chi, 66, positive in November 2026, nothing done: an open round; no next date before or after.
    Du, 46, never tested: overdue -> out of the programme.
    Em, 56, never tested: due since 2016, the programme's first day -> since her 50th birthday in 2020; overdue.
    """
    for name, born, ward, value, day in [
        ("An", "1960-03-12", "00175", "3", "2026-05-06"),
        ("Ba", "1960-03-12", "00175", "3", "2025-06-01"),
        ("Chi", "1960-03-12", "00175", "90", "2026-11-02"),
        ("Du", "1980-03-12", "09568", None, None),
        ("Em", "1970-03-12", "09568", None, None),
    ]:
        person = make_patient(station, name=f"Lê Thị {name}", gender="female", born=born, ward=ward)
        if value:
            send.fit(person, value, on=day)
    return {
        name: Citizen.objects.get(full_name=f"Lê Thị {person}").area_id
        for name, person in (("00175", "An"), ("09568", "Em"))
    }


ALL = (5, 4, 0, 1, 3, 0, 3, 0, 2)
FIRST, SECOND = (3, 3, 0, 0, 2, 0, 2, 0, 1), (2, 1, 0, 1, 1, 0, 1, 0, 1)


@pytest.mark.django_db
@pytest.mark.parametrize("chunk", [100_000, 2])
def test_the_dry_run_counts_what_was_worked_out_by_hand(cohort: dict[str, int], chunk: int) -> None:
    heard: list[int] = []
    found = run_on_paper(parse(older_and_rarer()), NEXT_YEAR, chunk=chunk, progress=heard.append)
    assert tuple(found.total[name] for name in COUNTS) == ALL
    assert {area: tuple(counts[name] for name in COUNTS) for area, counts in found.areas.items()} == {
        cohort["00175"]: FIRST,
        cohort["09568"]: SECOND,
    }
    assert (found.against, heard[-1]) == ("2026.1", 100)


@pytest.mark.django_db
def test_the_command_prints_the_same_by_area_and_writes_nothing(cohort: dict[str, int], draft: Path) -> None:
    before = list(Standing.objects.values()), list(Episode.objects.values()), Resource.objects.count()
    shown = json.loads(protocol("dry-run", draft, "--json"))
    assert tuple(shown["total"][name] for name in COUNTS) == ALL
    assert [(row["area"], *(row[name] for name in COUNTS)) for row in shown["areas"]] == sorted(
        [(cohort["00175"], *FIRST), (cohort["09568"], *SECOND)]
    )
    assert {row["district"] for row in shown["areas"]} == {"Quận Cầu Giấy", "Quận Hà Đông"}
    text = protocol("dry-run", draft, "--on", "2027-01-01")
    assert text.startswith("colorectal 2027.1 on 01/01/2027, against colorectal 2026.1. Nothing is written.\n")
    assert (list(Standing.objects.values()), list(Episode.objects.values()), Resource.objects.count()) == before


@pytest.mark.django_db
def test_the_same_rules_change_nobody(cohort: dict[str, int]) -> None:
    found = run_on_paper(parse(colorectal_text()), NEXT_YEAR)
    assert tuple(found.total[name] for name in COUNTS) == (5, 5, 0, 0, 0, 0, 0, 0, 0)


@pytest.mark.django_db
def test_in_a_new_programme_everybody_enters(cohort: dict[str, int]) -> None:
    text = (FOLDER / "oral.toml").read_text(encoding="utf-8").replace('programme = "oral"', 'programme = "mouth"')
    found = run_on_paper(parse(text), NEXT_YEAR)
    assert (found.against, found.total["before"], found.total["enters"], found.total["after"]) == ("", 0, 5, 5)


@pytest.mark.django_db
def test_publish_saves_once() -> None:
    assert protocol("publish") == "81 definitions, 81 of them new or changed.\n"
    assert protocol("publish") == "81 definitions, 0 of them new or changed.\n"
