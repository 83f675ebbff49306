"""POST of a JSON body to a gateway, with the answers that all HTTP gateways share."""

import json
from collections.abc import Mapping
from contextlib import suppress
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, OpenerDirector, Request, build_opener

from screening.messages.gateways.shapes import Later

TIMEOUT = 15
LONGEST_ANSWER = 64 * 1024


class _NoRedirects(HTTPRedirectHandler):
    """A gateway that moves must be configured anew: people's numbers go nowhere else."""

    def redirect_request(self, *args: Any, **options: Any) -> None:
        return None


_opener: OpenerDirector = build_opener(_NoRedirects)


def post(url: str, body: Mapping[str, Any], headers: Mapping[str, str]) -> tuple[int, dict[str, Any]] | Later:
    """Status and JSON of the answer ({} if it is none), or ``Later`` for what is no fault of the message.

    Busy (429, 503) and refused credentials (401, 403) pause the whole channel: going on would only fail everybody.
    """
    content = json.dumps(body, ensure_ascii=False).encode()
    request = Request(url, data=content, headers={"Content-Type": "application/json", **headers})
    try:
        with _opener.open(request, timeout=TIMEOUT) as answer:
            return answer.status, _read(answer.read(LONGEST_ANSWER))
    except HTTPError as error:
        with error:
            if error.code in (429, 503):
                return Later(f"http:{error.code}", pause=_seconds(error.headers.get("Retry-After")))
            if error.code in (401, 403):
                return Later(f"http:{error.code}", pause=300)
            if error.code in (408, 425) or error.code >= 500 or error.code < 400:
                return Later(f"http:{error.code}")
            try:
                return error.code, _read(error.read(LONGEST_ANSWER))
            except (OSError, HTTPException):
                return error.code, {}
    except URLError as error:
        return Later("timeout" if isinstance(error.reason, TimeoutError) else "unreachable", pause=30)
    except TimeoutError:
        return Later("timeout")
    except (OSError, HTTPException):
        return Later("broken_off")


def _read(content: bytes) -> dict[str, Any]:
    with suppress(ValueError):
        found = json.loads(content)
        if isinstance(found, dict):
            return found
    return {}


def _seconds(text: str | None) -> float:
    """Retry-After in seconds; a date or nonsense counts as a minute."""
    try:
        return min(max(float(text or ""), 1), 3600)
    except ValueError:
        return 60
