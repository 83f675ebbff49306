"""Which versions of the protocols are in the database, noticed by every process within half a minute.

Protocols are looked up at every result, so nothing is asked of the database then: web servers look between two
requests, workers between two tasks, commands when they start. A version takes effect on a later day than it was
activated, so it does not matter which process notices first.
"""

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

from celery.signals import task_prerun
from django.db import DatabaseError
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from screening.models.protocols import ProtocolVersion, VersionState
from screening.protocol.load import ProtocolError, Source, use_activated

SECONDS = 30
logger = logging.getLogger(__name__)
_looked_at: float | None = None
_known: tuple[tuple[int, object], ...] | None = None


def notice_versions(*, now: bool = False) -> None:
    """Take over what has been activated or withdrawn; one small query, at most every 30 s unless ``now``.

    A version that does not go with the files any more (they came with a new release) is left out and logged as an
    error, and so the one before it stays in force. Raises DatabaseError.
    """
    global _looked_at, _known
    moment = time.monotonic()
    if not now and _looked_at is not None and moment - _looked_at < SECONDS:
        return
    active = ProtocolVersion.objects.filter(state=VersionState.ACTIVE).order_by("id")
    found = tuple(active.values_list("id", "valid_from"))
    if found != _known:
        _use([Source(f"{one.programme} {one.version}", one.text, one.valid_from) for one in active])
        _known = found
    _looked_at = moment


def _use(sources: Sequence[Source]) -> None:
    try:
        use_activated(sources)
    except ProtocolError:
        fitting: list[Source] = []
        for source in sources:
            try:
                use_activated([*fitting, source])
                fitting.append(source)
            except ProtocolError:
                logger.exception("Version %s in the database does not go with the protocol files", source.name)
        use_activated(fitting)


class NoticeVersions:
    """Middleware: looks before a request, and never fails one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Look, then answer."""
        _notice_if_possible()
        return self.get_response(request)


@task_prerun.connect
def _before_task(**_of: Any) -> None:
    _notice_if_possible()


def _notice_if_possible() -> None:
    try:
        notice_versions()
    except DatabaseError:
        logger.warning("The protocol versions could not be looked up", exc_info=True)
