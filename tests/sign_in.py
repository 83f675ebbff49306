"""Signing in, for tests: as a person does it in a browser, or a session as the sign-in pages leave it behind."""

import base64
import hmac
import struct
import time
from typing import Any

from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from django.test import Client

_force_login = Client.force_login
_used: dict[str, set[int]] = {}


def force_login(client: Client, user: Any, backend: str | None = None, *, second_factor: bool = True) -> None:
    """Sign in without the pages: the session says what allauth writes there after a password and a code.

    It stands in for ``Client.force_login`` everywhere (see ``conftest``), and the middleware does its work as ever.
    """
    _force_login(client, user, backend)
    session = client.session
    now = time.time()
    records: list[dict[str, Any]] = [{"method": "password", "at": now, "email": user.email}]
    if second_factor:
        records.append({"method": "mfa", "at": now, "type": "totp"})
    session[AUTHENTICATION_METHODS_SESSION_KEY] = records
    session["account_authentication_methods_user"] = str(user.pk)
    session["seen_at"] = now  # and has been used since: what the first request writes is no part of a page's cost
    from records.memberships import CHOSEN, held_by  # this file is read before there are models

    held = held_by(user)
    if len(held) == 1:  # as the front door, to which they lead, leaves it behind
        session[CHOSEN] = held[0].id
    session.save()


def code_at(secret: str, counter: int) -> str:
    """The code of an app in a period of 30 seconds (RFC 6238), worked out here and not by the code under test."""
    digest = hmac.digest(base64.b32decode(secret), struct.pack(">Q", counter), "sha1")
    offset = digest[-1] & 15
    return f"{(int.from_bytes(digest[offset : offset + 4]) & 0x7FFFFFFF) % 10**6:06}"


def fresh_code(secret: str) -> str:
    """A code that works now and was not given by this function before; waits for the next one if need be."""
    used = _used.setdefault(secret, set())
    while True:
        now = int(time.time()) // 30
        for counter in (now, now + 1, now - 1):
            if counter not in used:
                used.add(counter)
                return code_at(secret, counter)
        time.sleep(1)
