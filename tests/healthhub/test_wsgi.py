"""What the WSGI application does before Django: the API without middleware, and bodies that come in chunks."""

import json
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.signals import request_started
from django.db import close_old_connections
from django.test import RequestFactory

from healthhub.wsgi import application
from tests.fhir.conftest import make_clinic

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _kept_connection() -> Iterator[None]:
    """A request begins by putting the connection to the test, which inside the test's transaction would close it."""
    request_started.disconnect(close_old_connections)
    yield
    request_started.connect(close_old_connections)


def answer(body: bytes = b"", **environ: str) -> tuple[str, dict[str, Any]]:
    """The status line and the JSON of what the application answers."""
    told: list[str] = []
    asked = {**RequestFactory()._base_environ(), "wsgi.input": BytesIO(body), **environ}
    parts = application(asked, lambda status, headers, *rest: told.append(status))
    return told[0], json.loads(b"".join(parts))


def post_in_chunks(name: str) -> tuple[str, dict[str, Any]]:
    clinic = make_clinic("clinic", "Trạm y tế Dịch Vọng", "01901")
    return answer(
        json.dumps({"resourceType": "Organization", "name": name}).encode(),
        PATH_INFO="/fhir/Organization",
        REQUEST_METHOD="POST",
        CONTENT_TYPE="application/fhir+json",
        HTTP_TRANSFER_ENCODING="chunked",
        HTTP_AUTHORIZATION=f"Bearer {clinic.token}",
    )


def test_another_host_name_is_refused_in_fhir() -> None:
    status, body = answer(PATH_INFO="/fhir/metadata", HTTP_HOST="evil.example")
    assert (status, body["resourceType"]) == ("400 Bad Request", "OperationOutcome")


def test_a_body_that_comes_in_chunks_is_read_whole() -> None:
    status, body = post_in_chunks("Phòng khám")
    assert (status, body["name"]) == ("201 Created", "Phòng khám")


def test_a_body_in_chunks_may_not_be_longer_than_any_other(settings: LazySettings) -> None:
    settings.FHIR_MAX_BODY_BYTES = 100
    assert post_in_chunks("x" * 100)[0] == "413 Request Entity Too Large"
