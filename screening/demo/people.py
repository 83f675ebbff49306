"""People of the demo city, and their FHIR Patients.

Nobody real can be meant:

- CCCD numbers begin with 000, the code of no province (`records.identifiers.demo_cccd`).
- Health-insurance cards carry province 00, which does not exist, and a social insurance number that begins with 00 too.
- Telephone numbers are +84 24 0xxx xxxx: Hanoi's area code and then a 0, with which no subscriber's number can begin,
  because a dialled 0 is the prefix of long-distance calls.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any

from django.conf import settings

from records.identifiers import demo_cccd
from screening.demo.names import Name, random_name
from screening.demo.places import Commune, Site, random_address
from screening.demo.tags import META

PHONE_PREFIX = "+84240"
INSURANCE_PROVINCE = "00"
_OLDER, _YOUNGER = ("HT3", "GD4"), ("GD4", "DN4", "HC4")  # pensioners and households; households and employees


@dataclass(frozen=True, slots=True)
class Person:
    """One inhabitant. `number` is hers alone in the whole city."""

    id: str
    number: int
    name: Name
    sex: str
    born: date
    commune: Commune
    street: str
    phone: str
    cccd: str
    card: str  # "" for somebody without health insurance or whose card was not noted

    def age(self, on: date) -> int:
        """Completed years."""
        return on.year - self.born.year - ((on.month, on.day) < (self.born.month, self.born.day))


def random_person(
    rng: Random, *, number: int, id: str, ages: dict[tuple[int, int], int], women: float, site: Site, on: date
) -> Person:
    """Somebody of these age bands on that day, who lives where the facility's people live."""
    sex = "female" if rng.random() < women else "male"
    low, high = rng.choices(list(ages), list(ages.values()))[0]
    born = birthday(rng, age=rng.randint(low, high), on=on)
    commune = rng.choice(site.homes)
    group = rng.choice(_OLDER if on.year - born.year > 59 else _YOUNGER)
    return Person(
        id=id,
        number=number,
        name=random_name(rng, sex=sex, birth_year=born.year),
        sex=sex,
        born=born,
        commune=commune,
        street=random_address(rng, commune),
        phone=demo_phone(number) if rng.random() < 0.9 else "",
        cccd=demo_cccd(number % 1_000_000, sex=sex, birth_year=born.year),
        card=demo_card(number, group=group) if rng.random() < 0.85 else "",
    )


def birthday(rng: Random, *, age: int, on: date) -> date:
    """A date of birth of somebody who has completed `age` years on that day."""
    latest = on.replace(year=on.year - age, day=min(on.day, 28))
    return latest - timedelta(days=rng.randrange(364))


def demo_phone(number: int) -> str:
    """The `number`th telephone number that nobody can have."""
    return f"{PHONE_PREFIX}{number * 7919 % 10_000_000:07d}"


def demo_card(number: int, *, group: str = "GD4") -> str:
    """The `number`th health-insurance card (old form, 15 characters) that nobody can have."""
    return f"{group}{INSURANCE_PROVINCE}00{number * 104729 % 100_000_000:08d}"


def patient(person: Person, *, site: Site, since: date) -> dict[str, Any]:
    """The person as her facility registered her on that day."""
    systems = settings.FHIR_SYSTEMS
    identifiers = [{"system": systems["cccd"], "value": person.cccd}]
    if person.card:
        identifiers.append({"system": systems["bhyt"], "value": person.card})
    resource: dict[str, Any] = {
        "resourceType": "Patient",
        "id": person.id,
        "meta": META,
        "identifier": identifiers,
        "active": True,
        "name": [
            {
                "use": "official",
                "text": person.name.text,
                "family": person.name.family,
                "given": list(person.name.given),
            }
        ],
    }
    if person.phone:
        resource["telecom"] = [{"system": "phone", "value": person.phone}]
    return resource | {
        "gender": person.sex,
        "birthDate": person.born.isoformat(),
        "address": [address(person.commune, person.street, since=since) | {"use": "home"}],
        "managingOrganization": {"reference": f"Organization/{site.id}"},
    }


def address(commune: Commune, street: str, *, since: date) -> dict[str, Any]:
    """A FHIR Address. Its period says at which date the commune's code is to be read, for codes are re-used."""
    coding = {"code": commune.code, "display": commune.name}
    return {
        "extension": [{"url": settings.FHIR_SYSTEMS["ward"], "valueCoding": coding}],
        "text": f"{street}, {commune.name}, {commune.district}, Hà Nội",
        "line": [street],
        "district": commune.district,
        "city": "Hà Nội",
        "country": "VN",
        "period": {"start": since.isoformat()},
    }
