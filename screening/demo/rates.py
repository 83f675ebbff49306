"""How often what is found: the published rates that the simulation reproduces, each with its source.

Sources, as quoted by the press and papers of the time: *hanoi* - the city's FIT programme, March 2017 to March 2018
(122,675 tested, 6,654 positive); *north* - FIT in five northern provinces, by age and sex (Journal of Military
Pharmaco-medicine 2023); *vinmec* - the Vinmec arm of the programme (Tran et al., Jpn J Clin Oncol 2022;52:707); *hpv* -
HPV in Cầu Giấy and Đông Anh; *cytology* - Thái Nguyên. What has no source is marked as assumed.
"""

from typing import Final

FIT_SHARE: Final = 0.88  # assumed: the pilot was a colorectal one
FIT_POSITIVE: Final = 6654 / 122675  # hanoi: 5.4 %
FIT_INADEQUATE: Final = 0.006  # assumed
FIT_WITHOUT_VALUE: Final = 0.04  # assumed: read by eye, only positive or negative

# Completed years of those who came, in five-year bands (assumed: Hanoi's adults over 40, the oldest come less).
FIT_AGES: Final = {(40, 44): 15, (45, 49): 15, (50, 54): 16, (55, 59): 17, (60, 64): 15, (65, 69): 10, (70, 74): 6,
                   (75, 79): 4, (80, 85): 2}  # fmt: skip
FIT_WOMEN: Final = 0.56  # assumed
CERVICAL_AGES: Final = {(25, 29): 9, (30, 34): 16, (35, 39): 18, (40, 44): 18, (45, 49): 15, (50, 54): 11, (55, 59): 8,
                        (60, 65): 5}  # fmt: skip

# north: 7.8 % at 60-69 and 8.6 % at 70-80 where all ages gave 6.2 %; men higher. Relative to each other only:
# `fit_risk` scales them so that the whole is FIT_POSITIVE.
_BY_AGE: Final = {40: 4.4, 50: 5.6, 60: 7.8, 70: 8.6}
_BY_SEX: Final = {"male": 1.25, "female": 0.82}

# Which cervical test (assumed), and what it finds.
CERVICAL_TESTS: Final = {"hpv": 45, "cytology": 35, "via": 20}
CERVICAL_RESULTS: Final[dict[str, dict[str, float]]] = {
    # hpv: 9.3 % positive; how it divides into types is assumed
    "hpv": {"hpv16": 1.9, "hpv18": 0.9, "other_hr": 6.0, "positive": 0.5, "inadequate": 0.9, "negative": 89.8},
    # cytology: ASC 2.9, LSIL 4.1, HSIL 1.9 %; how ASC divides, AGC and inadequate are assumed
    "cytology": {"asc_us": 2.6, "asc_h": 0.3, "lsil": 4.1, "hsil": 1.9, "agc": 0.2, "cancer": 0.05, "inadequate": 1.0,
                 "nilm": 89.95},
    "via": {"positive": 5.2, "suspicious": 0.15, "inadequate": 1.0, "negative": 93.65},  # assumed
}  # fmt: skip

ASSESSED: Final = 0.44  # vinmec: of the positives, those who came to colonoscopy
REFERRED_ONLY: Final = 0.26  # assumed; the remaining 30 % still wait for a referral
COLONOSCOPY_FINDINGS: Final = {  # vinmec
    "cancer": 3.5, "advanced_adenoma": 17.8, "non_advanced_adenoma": 23.1, "normal": 53.4, "incomplete": 2.2,
}  # fmt: skip
COLPOSCOPY_FINDINGS: Final = {"cin1": 24.0, "cin2_3": 11.0, "cancer": 1.0, "normal": 61.0, "incomplete": 3.0}  # assumed

SEEN_THROUGH: Final = 0.85  # assumed: of those whose examination asked for more, who had that done in its time
LEFT_OPEN: Final = 0.025  # assumed: of the steps that nobody did, those that nobody closed with a reason either
REASONS: Final = {"done_elsewhere": 30, "declined": 27, "unreachable": 26, "unfit": 10, "moved_away": 7}  # assumed

RETESTED: Final = 0.06  # assumed: of negative FITs more than 6 months before the end, those repeated
REPEATED: Final = 0.7  # assumed: of inadequate samples, those taken again
TRIAGED: Final = 0.3  # assumed: of HPV positives other than 16 and 18, those with cytology
CORRECTED: Final = 0.001  # assumed: results put right by a second version
WITHDRAWN: Final = 0.0005  # assumed: results entered for the wrong person and taken back, beside those that count


def fit_risk(age: int, sex: str) -> float:
    """The chance of a positive FIT at this age."""
    return _SCALE * _relative(age, sex)


def _relative(age: int, sex: str) -> float:
    return _BY_AGE[min(max(age // 10 * 10, 40), 70)] * _BY_SEX[sex]


def _mean() -> float:
    whole = sum(FIT_AGES.values())
    total = 0.0
    for (low, high), weight in FIT_AGES.items():
        years = range(low, high + 1)
        for age in years:
            women = FIT_WOMEN * _relative(age, "female")
            total += weight / whole / len(years) * (women + (1 - FIT_WOMEN) * _relative(age, "male"))
    return total


_SCALE: Final = FIT_POSITIVE / _mean()
