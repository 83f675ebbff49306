"""Whether this process lives, and whether it can serve: for load balancers, containers and `make demo`."""

import logging
from collections.abc import Callable
from functools import cache

from celery import current_app
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

BROKER_SECONDS = 3

logger = logging.getLogger(__name__)


@require_safe
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers. Looks at nothing else: a broken database is no reason to restart it."""
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when database, migrations and broker are as they should be, else 503 with the parts that are not.

    Says which part, not why: the answer is open to everybody, the reason is in the log.
    """
    parts = {name: _works(check) for name, check in CHECKS.items()}
    ready = all(parts.values())
    return JsonResponse(
        {
            "status": "ok" if ready else "unavailable",
            **{name: "ok" if works else "failed" for name, works in parts.items()},
        },
        status=200 if ready else 503,
    )


def _works(check: Callable[[], None]) -> bool:
    try:
        check()
    except Exception:
        logger.warning("not ready: %s", check.__name__, exc_info=True)
        return False
    return True


def database() -> None:
    """The database answers."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


@cache  # what has been applied stays so, and reading all migrations takes a while
def migrations() -> None:
    """Every migration of this code is applied."""
    executor = MigrationExecutor(connection)
    if plan := executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise RuntimeError(f"{len(plan)} migrations to apply")


def broker() -> None:
    """The message broker accepts a connection and a channel (with Redis and Valkey, a PING)."""
    with current_app.connection_for_write() as line:
        line.ensure_connection(max_retries=1, timeout=BROKER_SECONDS)
        with line.channel():
            pass


CHECKS: dict[str, Callable[[], None]] = {"database": database, "migrations": migrations, "broker": broker}
