"""Where gateways report what became of a message. No person opens it; a signature stands for signing in.

The address names the channel and nothing else, and nothing of the body is written to a log.
"""

import hashlib
import logging
from typing import Final

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from records.views.guards import for_everybody
from screening.messages.gateways.reports import CHANNELS, Malformed, NotConfigured, NotGenuine, read_reports
from screening.messages.reports import note_reports

LARGEST: Final = 256 * 1024
DIGITS: Final = 18  # more are no number of bytes
MINUTE: Final = 60
GENUINE_A_MINUTE: Final = 600
REFUSED_A_MINUTE: Final = 30
logger = logging.getLogger(__name__)


@csrf_exempt
@for_everybody
@require_POST
def report(request: HttpRequest, channel: str) -> HttpResponse:
    """Delivery reports of a gateway, one or many. 200 with counts; 403 unsigned, 400 unreadable, 413 too large, 429 too
    often, 503 if a message is not known as sent yet: the gateway then reports again."""
    if channel not in CHANNELS:
        return HttpResponse(status=404)
    length = request.headers.get("Content-Length") or "0"
    if not (length.isascii() and length.isdecimal()):
        return HttpResponse(status=400)
    if len(length) > DIGITS or int(length) > LARGEST:
        return HttpResponse(status=413)
    try:
        reports = read_reports(channel, request.body, request.headers)
    except NotConfigured:
        return HttpResponse(status=404)
    except NotGenuine:
        return _refused(request, channel)
    except Malformed as error:
        return JsonResponse({"error": str(error)}, status=400)
    if _times(f"reports:{channel}") > GENUINE_A_MINUTE:
        return _too_often()
    counts = note_reports(channel, reports)
    if counts["early"]:
        return JsonResponse(counts, status=503, headers={"Retry-After": "10"})
    return JsonResponse(counts)


def _refused(request: HttpRequest, channel: str) -> HttpResponse:
    """Who guesses signatures is slowed down; a gateway that signs rightly is not touched by it."""
    sender = hashlib.sha256(request.META.get("REMOTE_ADDR", "").encode()).hexdigest()[:16]
    times = _times(f"reports:{channel}:{sender}")
    if times == 1:
        logger.warning("A report of channel %s was not signed by its gateway", channel)
    return _too_often() if times > REFUSED_A_MINUTE else HttpResponse(status=403)


def _too_often() -> HttpResponse:
    return HttpResponse(status=429, headers={"Retry-After": str(MINUTE)})


def _times(key: str) -> int:
    """How often this minute, this time included; counted by each process for itself."""
    cache.add(key, 0, timeout=MINUTE)
    try:
        return cache.incr(key)
    except ValueError:  # it ended between the two
        return 1
