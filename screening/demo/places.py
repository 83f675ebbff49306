"""Where the simulation takes place: the pilot's districts, a health station in each of their communes, a health centre
with its clinic for each district, and one laboratory.

Names of the units are real; the facilities are those any district has, with codes from 01901 on that no facility bears.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from records.areas import areas_in_force
from records.models import Area, AreaKind
from screening.demo.calendar import FIRST

DEMO_CLINIC = "01901"  # the first district's health centre: here the demo's clinician and software client work


class UnknownDistricts(ValueError):
    """Codes that were no district of Hanoi in 2017."""


@dataclass(frozen=True, slots=True)
class Commune:
    """A commune of 2017: its code, its full name ("Phường Dịch Vọng") and its district's."""

    code: str
    name: str
    district: str

    @property
    def bare_name(self) -> str:
        """The name without the kind of unit and without a number ("Mỹ Đình 1" has no street of that name)."""
        return re.sub(r"^(Phường|Xã|Thị trấn) | \d+$", "", self.name)


@dataclass(frozen=True, slots=True)
class Site:
    """A facility of the simulation. `homes` are the communes its people live in; the laboratory has none."""

    code: str
    name: str
    kind: str  # "centre" | "station" | "laboratory"
    district: str
    commune: Commune
    homes: tuple[Commune, ...]
    kit: str
    share: float  # of all tests
    climate: float  # how much more often than on average a test is positive here

    @property
    def id(self) -> str:
        """The logical id of its Organization."""
        return f"demo-{self.code}"


# One kit for each district, in turn; the second one's analyser reports ng/mL.
KITS = ("OC-Sensor", "OC-Sensor ng/mL", "HM-JACKarc")
_CENTRE_SHARE = 0.2  # of a district's tests; the stations take the rest


def find_sites(district_codes: Sequence[str], *, seed: int) -> list[Site]:
    """The facilities of these districts, the demo clinic first. Raises `UnknownDistricts`."""
    units = {area.code: area for area in areas_in_force(FIRST, AreaKind.DISTRICT)}
    if unknown := [code for code in district_codes if code not in units]:
        raise UnknownDistricts(", ".join(unknown))
    communes: dict[str, list[Commune]] = {code: [] for code in district_codes}
    for area in Area.objects.filter(
        parent__in=[units[code] for code in district_codes], valid_from__lte=FIRST, valid_to__gte=FIRST
    ).select_related("parent").order_by("code"):  # fmt: skip
        if area.parent:
            communes[area.parent.code].append(Commune(area.code, area.name, area.parent.name))
    rng = Random(f"{seed}:places")
    people = {code: [rng.lognormvariate(0, 0.3) for _ in communes[code]] for code in district_codes}
    total = sum(map(sum, people.values()))
    drafts: list[tuple[str, str, Commune, tuple[Commune, ...], float, int]] = []
    for turn, code in enumerate(district_codes):
        name = _lower_kind(units[code].name)
        homes = tuple(communes[code])
        share = sum(people[code]) / total * _CENTRE_SHARE
        drafts.append((f"Trung tâm Y tế {name}", "centre", homes[0], homes, share, turn))
    first = communes[district_codes[0]][0]
    drafts.append(("Trung tâm Xét nghiệm Sàng lọc Hà Nội", "laboratory", first, (), 0.0, 0))
    for turn, code in enumerate(district_codes):
        for commune, size in zip(communes[code], people[code], strict=True):
            name = f"Trạm Y tế {_lower_kind(commune.name)}"
            drafts.append((name, "station", commune, (commune,), size / total * (1 - _CENTRE_SHARE), turn))
    climates = [rng.lognormvariate(0, 0.12) for _ in drafts]
    mean = sum(climate * draft[4] for climate, draft in zip(climates, drafts, strict=True))
    return [
        Site(_code(number), name, kind, commune.district, commune, homes, KITS[turn % len(KITS)], share, climate / mean)
        for number, ((name, kind, commune, homes, share, turn), climate) in enumerate(
            zip(drafts, climates, strict=True), start=1
        )
    ]


def _lower_kind(name: str) -> str:
    return name[0].lower() + name[1:]


def _code(number: int) -> str:
    """01901 … 01999, then 01A00 and on: room for every commune of Hanoi."""
    hundreds, rest = divmod(900 + number, 100)
    return f"01{'9ABCDEFGHJK'[hundreds - 9]}{rest:02d}"


def random_address(rng: Random, commune: Commune) -> str:
    """House and street as people of the commune write them; streets are named after the commune itself."""
    street = f"{rng.choice(('phố', 'đường'))} {commune.bare_name}"
    house = f"Số {rng.randint(1, 180)}"
    style = rng.random()
    if style < 0.35:
        return f"{house}, ngõ {rng.randint(2, 320)} {street}"
    if style < 0.5:
        return f"{house}, ngách {rng.randint(2, 60)}, ngõ {rng.randint(2, 320)} {street}"
    if style < 0.75:
        return f"{house} {street}"
    return f"{house}, tổ dân phố số {rng.randint(1, 24)}"
