import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from healthhub import health
from healthhub.celery import app

READY = {"status": "ok", "database": "ok", "migrations": "ok", "broker": "ok"}


@pytest.fixture(autouse=True)
def _read_migrations_afresh():
    health.migrations.cache_clear()
    yield
    health.migrations.cache_clear()


def test_alive_without_looking_at_the_database(client):
    response = client.get("/healthz")  # no database mark: a query would fail the test
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


@pytest.mark.django_db
def test_ready_when_every_part_works(client):
    response = client.get("/readyz")
    assert (response.status_code, response.json()) == (200, READY)
    assert "no-store" in response["Cache-Control"]


@pytest.mark.django_db
def test_not_ready_while_a_migration_is_missing(client):
    MigrationRecorder.Migration.objects.filter(app="accounts").delete()
    response = client.get("/readyz")
    assert (response.status_code, response.json()) == (
        503,
        READY | {"status": "unavailable", "migrations": "failed"},
    )


@pytest.mark.django_db
def test_not_ready_without_the_broker_and_no_address_is_told(client, tmp_path, monkeypatch):
    monkeypatch.delenv("CELERY_BROKER_URL", raising=False)  # Celery prefers it to the settings
    monkeypatch.setattr(app.conf, "broker_url", f"redis+socket://{tmp_path}/none.sock")
    response = client.get("/readyz")
    assert (response.status_code, response.json()) == (503, READY | {"status": "unavailable", "broker": "failed"})


@pytest.mark.django_db(transaction=True)
def test_not_ready_without_the_database(client, tmp_path, monkeypatch):
    connection.close()
    with monkeypatch.context() as patch:
        patch.setitem(connection.settings_dict, "HOST", str(tmp_path))
        response = client.get("/readyz")
    assert (response.status_code, response.json()["database"], response.json()["broker"]) == (503, "failed", "ok")
