"""What gateways report later: a message reached the telephone or the mailbox, or it did not. Read, and known genuine.

SMS and e-mail gateways post ``{reference, status, error}``, or a list of such, signed: ``X-Signature: sha256=`` and the
HMAC of the body under the gateway's own secret. ``reference`` is our message's key; ``status`` is ``delivered``, or
``failed``, ``undelivered``, ``expired``, ``rejected`` with an ``error``; others say nothing final and are passed over.

Zalo posts the event ``user_received_message`` with ``message.delivery_time`` and ``message.msg_id``, signed by
``X-ZEvent-Signature: mac=`` and the SHA-256 of application id, body, the body's ``timestamp`` and the account's secret,
one behind the other. That is how public pages and code describe it; Zalo's own page could not be read. Zalo refuses at
once what it cannot deliver, so there is no report of a failure.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings

from screening.messages.gateways.smsgateway import BAD_NUMBER

MOST: Final = 1000
FAILED: Final = frozenset({"failed", "undelivered", "expired", "rejected"})
BAD_MAILBOX: Final = re.compile(r"(smtp:)?(550|551|553|5\.1\.\d{1,3})")  # as RFC 3463: the address is wrong
_reference = re.compile(r"<?hh-(\d{1,18})-([0-9a-f]{16})(@\S{1,200})?>?")


class NotGenuine(Exception):
    """Not signed by the gateway, or not as it should be."""


class Malformed(ValueError):
    """Signed, but not what a report looks like."""


class NotConfigured(Exception):
    """There is no secret, so nobody can report by this channel."""


@dataclass(frozen=True, slots=True)
class Report:
    """What became of one message: ``reference`` is (its number, its token); None where ``provider_id`` names it.

    ``reason`` is "" if it was delivered.
    """

    reference: tuple[int, str] | None
    provider_id: str
    reason: str = ""
    bad_address: bool = False


def read_reports(channel: str, body: bytes, headers: Mapping[str, str]) -> list[Report]:
    """The reports in a request. Raises NotConfigured, NotGenuine, Malformed."""
    return _READERS[channel](body, headers)


def _signed(channel: str) -> Callable[[bytes, Mapping[str, str]], list[Report]]:
    def read(body: bytes, headers: Mapping[str, str]) -> list[Report]:
        secret = settings.MESSAGES[f"{channel}_report_secret"]
        if not secret:
            raise NotConfigured
        expected = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        _compare(headers.get("X-Signature", ""), f"sha256={expected}")
        said = _json(body)
        items = said if isinstance(said, list) else [said]
        if len(items) > MOST:
            raise Malformed(f"more than {MOST} reports")
        found = [_report(channel, item) for item in items]
        return [one for one in found if one is not None]

    return read


def _report(channel: str, item: Any) -> Report | None:
    if not isinstance(item, dict):
        raise Malformed("a report is an object")
    status, error = item.get("status"), _kept(item.get("error") or "")
    named = _reference.fullmatch(str(item.get("reference", "")))
    if not named:
        raise Malformed("reference is not a message's key")
    reference = (int(named[1]), named[2])
    if status is not None and not isinstance(status, str):
        raise Malformed("status is not a word")
    if status == "delivered":
        return Report(reference, "")
    if status not in FAILED:
        return None
    bad = error in BAD_NUMBER if channel == "sms" else bool(BAD_MAILBOX.fullmatch(error))
    return Report(reference, "", reason=(error or status or "")[:32], bad_address=bad)


def _zalo(body: bytes, headers: Mapping[str, str]) -> list[Report]:
    app, secret = settings.MESSAGES["zalo_app_id"], settings.MESSAGES["zalo_oa_secret"]
    if not (app and secret):
        raise NotConfigured
    try:
        said = _json(body)
    except Malformed:
        raise NotGenuine from None  # its own signature is made with a part of it
    if not isinstance(said, dict) or str(said.get("app_id")) != app:
        raise NotGenuine
    made_of = app.encode() + body + _kept(said.get("timestamp", "")).encode() + secret.encode()
    _compare(headers.get("X-ZEvent-Signature", "").removeprefix("mac="), hashlib.sha256(made_of).hexdigest())
    message = said.get("message")
    if said.get("event_name") != "user_received_message" or not isinstance(message, dict):
        return []
    if "delivery_time" not in message:  # an answer in a chat, not a notification
        return []
    return [Report(None, _kept(message.get("msg_id", ""))[:128])]


def _compare(got: str, expected: str) -> None:
    if not hmac.compare_digest(got.encode(), expected.encode()):
        raise NotGenuine


def _kept(said: Any) -> str:
    """As a text that the database takes: without NUL and halves of characters."""
    return str(said).replace("\0", "\ufffd").encode(errors="replace").decode()


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise Malformed("not JSON") from None


_READERS: Final[dict[str, Callable[[bytes, Mapping[str, str]], list[Report]]]] = {
    "sms": _signed("sms"),
    "email": _signed("email"),
    "zalo": _zalo,
}
CHANNELS: Final = tuple(_READERS)
