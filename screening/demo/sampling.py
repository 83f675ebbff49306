"""Who came, what was tested and what it showed: the simulation itself, before it takes the shape of resources."""

from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from screening.demo import rates
from screening.demo.calendar import LAST, random_day, working_day
from screening.demo.people import Person, random_person
from screening.demo.places import Site
from screening.demo.plan import Slice

PROGRAMMES = {"fit": "colorectal", "hpv": "cervical", "cytology": "cervical", "via": "cervical"}


@dataclass(frozen=True, slots=True)
class Taken:
    """One test. `value` is a number as the analyser prints it, or a category of the protocol."""

    person: Person
    site: Site
    test: str
    specimen: str
    collected: date
    resulted: date
    value: Decimal | str
    unit: str = ""
    kit: str = ""
    mistaken: Decimal | None = None  # what the first version said, where this one puts it right
    withdrawn: bool = False  # entered for the wrong person and taken back; does not count


@dataclass(slots=True)
class Sample:
    """What one slice holds. Each person appears once, in the order of her number."""

    people: list[Person] = field(default_factory=list)
    tests: list[Taken] = field(default_factory=list)


class Share:
    """Says yes in just the given share of cases, spread evenly: so small loads hit the rates too."""

    def __init__(self, rng: Random) -> None:
        self._sum = rng.random()

    def takes(self, chance: float) -> bool:
        """Whether this case, of the given chance, is one."""
        self._sum += chance
        if self._sum < 1:
            return False
        self._sum -= 1
        return True


@dataclass(slots=True)
class _Shares:
    colorectal: Share
    positive: Share


def draw(part: Slice) -> Sample:
    """Simulate a slice: exactly `part.tests` tests that count, and the people they were taken from."""
    rng = part.rng()
    shares = _Shares(Share(rng), Share(rng))
    sample = Sample()
    while (missing := part.tests - len(sample.tests)) > 0:
        fit = shares.colorectal.takes(rates.FIT_SHARE)
        day = random_day(rng) or LAST
        person = random_person(
            rng,
            number=part.first + len(sample.people),
            id=f"demo{part.seed}-{part.site.code}-p{part.first_here + len(sample.people) + 1:05d}",
            ages=rates.FIT_AGES if fit else rates.CERVICAL_AGES,
            women=rates.FIT_WOMEN if fit else 1.0,
            site=part.site,
            on=day,
        )
        sample.people.append(person)
        history = _fits(rng, person, part.site, day, shares) if fit else _cervical(rng, person, part.site, day)
        for test in history[:missing]:
            sample.tests.append(_number(test, part, len(sample.tests) + 1))
    wrong = Share(rng)
    sample.tests += [
        _taken_back(rng, test, sample.people)
        for test in sample.tests
        if len(sample.people) > 1 and wrong.takes(rates.WITHDRAWN)
    ]
    return sample


def _number(test: Taken, part: Slice, count: int) -> Taken:
    return replace(test, specimen=f"{test.collected:%y}-{part.first_here + count:06d}")


def _taken_back(rng: Random, test: Taken, people: list[Person]) -> Taken:
    """The same tube written down for somebody else first, under a number that a slip of the pen gave it."""
    others = [person for person in people if person is not test.person and person.sex == test.person.sex] or people
    return replace(test, person=rng.choice(others), specimen=f"{test.specimen}X", withdrawn=True, mistaken=None)


def _fits(rng: Random, person: Person, site: Site, day: date, shares: _Shares) -> list[Taken]:
    """The FITs of one person: an inadequate one may be repeated, a negative one done again after half a year."""
    if rng.random() < rates.FIT_INADEQUATE:
        tests = [_taken(rng, person, site, "fit", day, "inadequate", kit=site.kit.split()[0])]
        again = random_day(rng, not_before=tests[0].resulted + timedelta(days=3))
        if rng.random() < rates.REPEATED and again and (again - day).days < 60:
            tests.append(_fit(rng, person, site, again, shares))
        return tests
    tests = [_fit(rng, person, site, day, shares)]
    later = random_day(rng, not_before=day + timedelta(days=183))
    if later and rng.random() < rates.RETESTED and not _is_positive(tests[0]):
        tests.append(_fit(rng, person, site, later, shares))
    return tests


def _fit(rng: Random, person: Person, site: Site, day: date, shares: _Shares) -> Taken:
    positive = shares.positive.takes(rates.fit_risk(person.age(day), person.sex) * site.climate)
    if rng.random() < rates.FIT_WITHOUT_VALUE:
        return _taken(rng, person, site, "fit", day, "positive" if positive else "negative", kit="")
    amount = haemoglobin(rng, positive=positive)
    mistaken = None
    if rng.random() < rates.CORRECTED and amount >= 1:
        # a slip of the decimal point
        mistaken = (amount / 10).quantize(Decimal("0.1")) if positive else amount * 10
    kit, _, unit = site.kit.partition(" ")
    if unit == "ng/mL":
        five = Decimal(5)
        amount, mistaken = (amount * five).quantize(Decimal(1)), mistaken and (mistaken * five).quantize(Decimal(1))
    return _taken(rng, person, site, "fit", day, amount, kit=kit, unit=unit or "ug/g", mistaken=mistaken)


def haemoglobin(rng: Random, *, positive: bool) -> Decimal:
    """µg of haemoglobin in 1 g of stool, log-normal on either side of the cut-off of 20 µg/g; analysers step by 0.2."""
    while True:
        if positive:
            amount = rng.lognormvariate(4.0, 1.0)
        else:
            amount = 0.0 if rng.random() < 0.35 else rng.lognormvariate(0.9, 1.0)
        steps = round(amount / 0.2)
        if (steps >= 100) == positive and steps <= 1000:  # 200 µg/g is where the analyser's range ends
            return Decimal(steps * 2).scaleb(-1)


def _is_positive(test: Taken) -> bool:
    limit = 100 if test.unit == "ng/mL" else 20
    return test.value == "positive" if isinstance(test.value, str) else test.value >= limit


def _cervical(rng: Random, person: Person, site: Site, day: date) -> list[Taken]:
    """The cervical tests of one woman: HPV other than 16 and 18 may be followed by cytology."""
    test = _pick(rng, rates.CERVICAL_TESTS)
    found = _pick(rng, rates.CERVICAL_RESULTS[test])
    tests = [_taken(rng, person, site, test, day, found)]
    if found in ("other_hr", "positive") and rng.random() < rates.TRIAGED:
        again = working_day(tests[0].resulted + timedelta(days=rng.randint(10, 60)))
        if again <= LAST:
            tests.append(_taken(rng, person, site, "cytology", again, _pick(rng, rates.CERVICAL_RESULTS["cytology"])))
    return tests


def _taken(
    rng: Random,
    person: Person,
    site: Site,
    test: str,
    day: date,
    value: Decimal | str,
    *,
    kit: str = "",
    unit: str = "",
    mistaken: Decimal | None = None,
) -> Taken:
    wait = {"fit": (1, 6), "hpv": (5, 14), "cytology": (4, 12), "via": (0, 0)}[test]
    resulted = working_day(day + timedelta(days=rng.randint(*wait))) if wait[1] else day
    return Taken(person, site, test, "", day, resulted, value, unit, kit, mistaken)


def _pick(rng: Random, weights: dict[str, float] | dict[str, int]) -> str:
    return rng.choices(list(weights), list(weights.values()))[0]
