"""Facilities and health workers of the demo as FHIR Organization, Practitioner and PractitionerRole."""

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

from django.conf import settings

from screening.demo.calendar import FIRST
from screening.demo.names import random_name
from screening.demo.people import address, demo_phone
from screening.demo.places import Site
from screening.demo.tags import META

_KINDS = {
    "centre": "Trung tâm y tế có phòng khám",
    "station": "Trạm y tế",
    "laboratory": "Phòng xét nghiệm",
}
_STAFF = {"centre": ("doctor", "doctor", "nurse"), "station": ("doctor", "nurse"), "laboratory": ("doctor", "nurse")}
_ROLES = {"doctor": "Bác sĩ", "nurse": "Điều dưỡng"}


def directory(sites: Sequence[Site], *, seed: int, label: str) -> Iterator[tuple[Site, dict[str, Any]]]:
    """Every facility with its resources, Organizations first."""
    for number, site in enumerate(sites):
        yield site, organization(site, number=number, label=label)
    rng = Random(f"{seed}:staff")
    for site in sites:
        for number, role in enumerate(_STAFF[site.kind], start=1):
            worker = practitioner(rng, site, number=number, role=role)
            yield site, worker
            yield site, _role(site, worker, role=role)


def organization(site: Site, *, number: int, label: str) -> dict[str, Any]:
    """A facility with its code and address. `label` goes into its tag: which simulation it belongs to."""
    kind = {"system": settings.FHIR_SYSTEMS["screening"], "code": site.kind, "display": _KINDS[site.kind]}
    return {
        "resourceType": "Organization",
        "id": site.id,
        "meta": {"tag": [META["tag"][0] | {"display": label}]},
        "identifier": [{"system": settings.FHIR_SYSTEMS["facility"], "value": site.code}],
        "active": True,
        "type": [{"coding": [kind], "text": _KINDS[site.kind]}],
        "name": site.name,
        "telecom": [{"system": "phone", "value": demo_phone(9_990_000 + number), "use": "work"}],
        "address": [address(site.commune, f"Số 1 phố {site.commune.bare_name}", since=FIRST) | {"use": "work"}],
    }


def practitioner(rng: Random, site: Site, *, number: int, role: str) -> dict[str, Any]:
    """A doctor or nurse of the facility; the first of a site is who signs for it."""
    sex = rng.choice(("female", "female", "male"))
    year = rng.randint(1960, 1990)
    name = random_name(rng, sex=sex, birth_year=year)
    return {
        "resourceType": "Practitioner",
        "id": f"{site.id}-w{number}",
        "meta": META,
        "active": True,
        "name": [
            {
                "use": "official",
                "text": name.text,
                "family": name.family,
                "given": list(name.given),
                "prefix": ["BS" if role == "doctor" else "ĐD"],
            }
        ],
        "gender": sex,
        "birthDate": str(year),
    }


def _role(site: Site, worker: dict[str, Any], *, role: str) -> dict[str, Any]:
    coding = {"system": "http://terminology.hl7.org/CodeSystem/practitioner-role", "code": role}
    return {
        "resourceType": "PractitionerRole",
        "id": worker["id"].replace("-w", "-r"),
        "meta": META,
        "active": True,
        "practitioner": {"reference": f"Practitioner/{worker['id']}", "display": worker["name"][0]["text"]},
        "organization": {"reference": f"Organization/{site.id}", "display": site.name},
        "code": [{"coding": [coding], "text": _ROLES[role]}],
    }
