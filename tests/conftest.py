"""What every test shares: its own database and queue on the real servers, and a word on which servers those are."""

import os
from collections.abc import Iterator
from itertools import count
from uuid import uuid4

import psycopg2
import pytest
from django.conf import settings
from django.test import Client
from kombu import Connection
from pytest_django import DjangoDbBlocker

_RUN = uuid4().hex
_tests = count()
_cache_prefix = ""


def cache_key(key: str, prefix: str, version: int) -> str:
    """A test's own part of the shared cache, in all its threads: no test meets what another one has counted."""
    return f"test:{_RUN}:{_cache_prefix}:{key}"


def pytest_configure(config: pytest.Config) -> None:
    """Set apart what is shared with a running demo: the task queue. (pytest-django makes the test database.)"""
    settings.CELERY_TASK_DEFAULT_QUEUE = f"test-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    settings.CACHES["default"]["KEY_FUNCTION"] = cache_key
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # fast; nothing real is hashed
    from tests.sign_in import force_login

    pytest.MonkeyPatch().setattr(Client, "force_login", force_login)  # for good: there is no other way to sign in


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


@pytest.fixture(scope="session")
def django_db_setup(
    request: pytest.FixtureRequest,
    django_test_environment: None,
    django_db_modify_db_settings: None,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[None]:
    """Make the database in place of pytest-django, which would migrate one for every worker and every run."""
    from tests.database import own_database

    with django_db_blocker.unblock(), own_database(anew=request.config.getoption("create_db")):
        django_db_blocker.block()
        yield
        django_db_blocker.restore()


@pytest.fixture(scope="session", autouse=True)
def _own_folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Let no test, and no two workers at the same time, keep files in the folder of a running demo."""
    settings.MEDIA_ROOT = tmp_path_factory.mktemp("media")


@pytest.fixture(scope="session", autouse=True)
def _empty_queue() -> None:
    """Forget the tasks that an earlier, broken-off run left behind."""
    from healthhub.celery import app

    with app.connection_for_write() as connection:
        queue = app.amqp.queues[settings.CELERY_TASK_DEFAULT_QUEUE].bind(connection.default_channel)
        queue.declare()  # RabbitMQ empties only what is there
        queue.purge()


@pytest.fixture(autouse=True)
def _fresh_cache() -> None:
    """Let each test count from nought."""
    global _cache_prefix
    _cache_prefix = str(next(_tests))


@pytest.fixture(autouse=True)
def _fresh_sign_ins() -> None:
    """Processes remember tokens for some seconds; a test must not meet those of the test before."""
    from records.tokens import forget_tokens

    forget_tokens()


@pytest.fixture(autouse=True)
def _known_protocols(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Only the protocol files are in force, and no request spends a query on looking for newer versions."""
    from screening import versions
    from screening.protocol.load import use_activated

    monkeypatch.setattr(versions, "_looked_at", float("inf"))
    monkeypatch.setattr(versions, "_known", ())
    yield
    use_activated(())
