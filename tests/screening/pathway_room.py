"""A man with a positive, a woman with a result that is held back, and what is stored of both."""

from datetime import date

import pytest
from django.utils import timezone

from fhir import hooks
from fhir.models import Resource
from fhir.text import parse
from screening.models import ScreeningResult
from screening.protocol import current
from tests.screening.test_intake import rows

DAY = date(2026, 5, 6)
COLORECTAL = current("colorectal")


def today():
    return timezone.localdate()


@pytest.fixture
def positive(send, man):
    """The projected result of a man with a positive FIT."""
    return found(send.fit(man, "50", on=DAY.isoformat()))


@pytest.fixture
def held(send, woman):
    """A result that the protocol holds back: cells that look like cancer, reported today."""
    day = today().isoformat()
    name = send.fit(woman, None, on=day, code="10524-7", valueCodeableConcept={"text": "carcinoma"})
    return found(name)


def found(name):
    return ScreeningResult.objects.select_related("episode").get(pk=name)


def stored(type_, name):
    return parse(Resource.objects.get(type=type_, id=name).content).resource


def rebuilt_equally():
    before = rows()
    hooks.run_rebuild()
    return rows() == before
