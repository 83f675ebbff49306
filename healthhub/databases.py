"""A database's address as Django's settings want it."""

from typing import Any

from psycopg2.extensions import parse_dsn

KEYS = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}


def from_url(url: str) -> dict[str, Any]:
    """The `DATABASES` entry for a `postgresql://…` address, read by libpq's own rules (`?sslmode=…` counts).

    Connections are kept between requests, for a new one costs more than most answers; each is checked before use, so
    that a restart of the database costs no request.
    """
    parts = parse_dsn(url)
    return {
        "ENGINE": "healthhub.postgresql",
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        **{ours: parts.pop(theirs, "") for theirs, ours in KEYS.items()},
        "OPTIONS": parts,
    }
