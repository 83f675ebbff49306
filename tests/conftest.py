"""What every test shares: its own database and queue on the real servers, and a word on which servers those are."""

import os
from collections.abc import Iterator

import psycopg2
import pytest
from django.conf import settings
from kombu import Connection


def pytest_configure(config: pytest.Config) -> None:
    """Set apart what is shared with a running demo: the task queue. (pytest-django makes the test database.)"""
    settings.CELERY_TASK_DEFAULT_QUEUE = f"test-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # fast; nothing real is hashed


def pytest_report_header() -> list[str]:
    """Name the servers that the tests run against."""
    database = settings.DATABASES["default"]
    with psycopg2.connect(
        host=database["HOST"],
        port=database["PORT"] or None,
        user=database["USER"] or None,
        password=database["PASSWORD"] or None,
        dbname=database["NAME"],
        **database["OPTIONS"],
    ) as connection:
        postgres = connection.get_parameter_status("server_version")
    connection.close()
    return [f"database: PostgreSQL {postgres}", f"broker: {broker()}"]


def broker() -> str:
    """Name and version of the message broker."""
    with Connection(settings.CELERY_BROKER_URL) as connection:
        connection.connect()
        if connection.transport.driver_type == "redis":
            server = connection.default_channel.client.info("server")
            version = server.get("valkey_version") or server["redis_version"]
            return f"{server.get('server_name', 'redis').capitalize()} {version}"
        properties = connection.connection.server_properties
        return f"{properties['product']} {properties['version']}"


@pytest.fixture(scope="session", autouse=True)
def _empty_queue() -> None:
    """Forget the tasks that an earlier, broken-off run left behind."""
    from healthhub.celery import app

    with app.connection_for_write() as connection:
        queue = app.amqp.queues[settings.CELERY_TASK_DEFAULT_QUEUE].bind(connection.default_channel)
        queue.declare()  # RabbitMQ empties only what is there
        queue.purge()


@pytest.fixture(autouse=True)
def _areas(request: pytest.FixtureRequest) -> None:
    """Give tests that commit the areas which the migrations loaded: the test before emptied every table."""
    marker = request.node.get_closest_marker("django_db")
    if (marker and marker.kwargs.get("transaction")) or {"live_server", "transactional_db"} & set(request.fixturenames):
        request.getfixturevalue("transactional_db")
        from records.areas import load_areas

        load_areas()


@pytest.fixture(autouse=True)
def _fresh_sign_ins() -> None:
    """Processes remember tokens and clients for some seconds; a test must not meet those of the test before."""
    from healthhub.accounts import oauth
    from records import memberships

    oauth.forget_tokens()
    memberships.forget_clients()


@pytest.fixture(autouse=True)
def _known_protocols(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Only the protocol files are in force, and no request spends a query on looking for newer versions."""
    from screening import versions
    from screening.protocol.load import use_activated

    monkeypatch.setattr(versions, "_looked_at", float("inf"))
    monkeypatch.setattr(versions, "_known", ())
    yield
    use_activated(())
