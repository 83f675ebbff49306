"""The demo clinic on a live server, as other people's software and people's browsers meet it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fhirpy import SyncFHIRClient
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from tests.fhir.conftest import FhirClient, make_clinic
from tests.journeys.celery_programs import CeleryPrograms


@pytest.fixture(autouse=True)
def _compiled_assets(settings: Settings) -> None:
    """The test server looks for assets in the apps; ours are compiled, and WhiteNoise serves them otherwise."""
    settings.STATICFILES_DIRS = [settings.STATIC_ROOT]


@pytest.fixture
def live_clinic(live_server: LiveServer) -> FhirClient:
    """A clinic whose software can reach the live server."""
    return make_clinic("clinic", "Trạm y tế Dịch Vọng", "01901")


@pytest.fixture
def fhirpy(live_server: LiveServer, live_clinic: FhirClient) -> SyncFHIRClient:
    """The clinic's software, written with somebody else's library."""
    return SyncFHIRClient(f"{live_server.url}/fhir", authorization=f"Bearer {live_clinic.token}")


@pytest.fixture
def celery_programs(live_server: LiveServer, settings: Settings, tmp_path: Path) -> Iterator[CeleryPrograms]:
    """Celery on the live server's database, stopped before that is emptied."""
    settings.MEDIA_ROOT = tmp_path / "media"
    programs = CeleryPrograms(tmp_path)
    yield programs
    programs.stop()
    print(programs.said())  # pytest shows it if the test failed
