"""Indicators of screening programmes, computed from counts. Definitions and their sources:

positivity       positive / all tests. EUCanScreen's test-result distribution has all tests as denominator, and Hanoi's
                 published rates (6,654 of 122,675 in 2017) are computed so.
inadequacy       inadequate / all tests (EUCanScreen).
referral rate    positives referred for assessment since / positives.
assessment rate  positives assessed since / positives: AIHW indicator 3, further-assessment participation.

Every rate comes with Wilson's 95 % score interval, which holds for small counts and rates near zero (Newcombe,
Statistics in Medicine 1998;17:857). A rate without a denominator is None. Tests are counted, not people: somebody
tested twice in a period counts twice.
"""

from math import sqrt
from typing import Any, Final, NamedTuple

COUNTS: Final = ("tested", "positive", "negative", "inadequate", "unclassified", "referred", "assessed")
#: rate -> (numerator, denominator)
RATES: Final = {
    "positivity": ("positive", "tested"),
    "inadequacy": ("inadequate", "tested"),
    "referral_rate": ("referred", "positive"),
    "assessment_rate": ("assessed", "positive"),
}
_Z: Final = 1.959963984540054  # two-sided 95 % of the normal distribution


class Rate(NamedTuple):
    """A share between 0 and 1 with its 95 % interval; all None without a denominator."""

    value: float | None
    low: float | None
    high: float | None


def rate(cases: int, among: int) -> Rate:
    """The share with Wilson's interval."""
    if among <= 0:
        return Rate(None, None, None)
    share, square = cases / among, _Z * _Z
    middle = share + square / (2 * among)
    reach = _Z * sqrt(share * (1 - share) / among + square / (4 * among * among))
    whole = 1 + square / among
    low, high = (middle - reach) / whole, (middle + reach) / whole
    return Rate(share, 0.0 if cases == 0 else low, 1.0 if cases == among else high)


def summed(cells: Any, by: list[str]) -> list[dict[str, Any]]:
    """The sums of the counts of a DataFrame of cells by some columns, with rates, in the order of those columns."""
    if cells.empty:
        return []
    sums = cells.groupby(by, sort=True, dropna=False, observed=True)[list(COUNTS)].sum().reset_index()
    return [with_rates(row) for row in sums.to_dict("records")]


def with_rates(row: dict[str, Any]) -> dict[str, Any]:
    """The row with plain integers and its rates: ``positivity``, ``positivity_low``, ``positivity_high`` …"""
    found = row | {name: int(row[name]) for name in COUNTS}
    for name, (cases, among) in RATES.items():
        share = rate(found[cases], found[among])
        found |= {name: share.value, f"{name}_low": share.low, f"{name}_high": share.high}
    return found
