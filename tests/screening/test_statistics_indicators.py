"""Rates and their intervals, against published and hand-computed examples."""

import pytest

from healthhub.web.spreadsheets import harmless
from screening.statistics.csvfiles import to_csv
from screening.statistics.indicators import COUNTS, rate, with_rates
from screening.statistics.report import Filters, Report, columns_of, to_dict


@pytest.mark.parametrize(
    ("cases", "among", "low", "high"),
    [  # Newcombe, Statistics in Medicine 1998;17:857, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_intervals_are_those_of_the_literature(cases, among, low, high):
    found = rate(cases, among)
    assert found.value == cases / among
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


def test_the_bounds_are_exact_at_none_and_all():
    assert rate(0, 7).low == 0.0
    assert rate(7, 7).high == 1.0
    assert round(rate(7, 7).low, 4) == round(1 - rate(0, 7).high, 4)


def test_no_denominator_gives_no_rate():
    assert rate(0, 0) == (None, None, None)


def test_positivity_has_all_tests_below_and_follow_up_has_the_positives_below():
    row = with_rates(dict(zip(COUNTS, (40, 4, 34, 1, 1, 3, 1), strict=True)))
    assert (row["positivity"], row["inadequacy"]) == (0.1, 0.025)
    assert (row["referral_rate"], row["assessment_rate"]) == (0.75, 0.25)
    # by hand, z² = 3.8415: (0.1 + z²/80 ± 1.96·√(0.1·0.9/40 + z²/6400)) / (1 + z²/40) = (0.14802 ± 0.10464) / 1.09604
    assert (round(row["positivity_low"], 4), round(row["positivity_high"], 4)) == (0.0396, 0.2305)


def test_hanois_published_rate():
    assert round(rate(6_654, 122_675).value * 100, 1) == 5.4


def test_csv_opens_in_excel_and_runs_nothing():
    row = {"programme": "colorectal", "test": "fit", "area": "005", "area_kind": "district"}
    row |= dict(zip(COUNTS, (2, 0, 2, 0, 0, 0, 0), strict=True))
    rows = [with_rates({**row, "area_name": name}) for name in ("=HYPERLINK(1)", "")]
    text = to_csv(Report(Filters(), 4, 0, districts=rows))
    assert text.startswith(b"\xef\xbb\xbf")
    header, first, second = text.decode("utf-8-sig").splitlines()
    assert header.startswith("Chương trình,Xét nghiệm,Mã đơn vị,")
    assert "'=HYPERLINK(1)" in first
    assert "Không rõ nơi ở" in second
    assert first.split(",")[-6:] == ["", "", "", "", "", ""]  # nobody positive: no rate of follow-up
    assert len(first.split(",")) == len(columns_of("districts"))


@pytest.mark.parametrize("text", ["=1+1", "+84", "-1", "@SUM(A1)", "\tx"])
def test_formulas_are_made_texts(text):
    assert harmless(text) == "'" + text
    assert harmless("Cầu Giấy") == "Cầu Giấy"


def test_json_keys_are_stable():
    found = to_dict(Report(Filters(), 0, 0))
    assert list(found) == ["filters", "tested", "pending", "programmes", "totals", "trend", "districts", "groups"]
    assert list(found["filters"]) == ["programme", "from", "to", "districts"]
