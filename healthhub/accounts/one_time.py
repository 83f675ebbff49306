"""Citizens' sign-in by their citizen number and a code that is sent to them.

The page does the same for every number: it keeps what was asked for and queues a task. Only the task looks whether
there is such a person and how she is reached (by what the register holds, never by what somebody typed), so neither
words nor times tell who is in the register. The code lies in the shared cache as a keyed hash: whoever reads the cache
cannot try the million codes. It is good for five minutes, five tries and one sign-in.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Final

from django.core.cache import cache
from django.utils.crypto import constant_time_compare, salted_hmac

from healthhub.accounts import encryption
from healthhub.accounts.models import User

LIFETIME: Final = 5 * 60  # seconds
TRIES: Final = 5
DIGITS: Final = 6
_PURPOSE: Final = "one-time-code"


@dataclass(frozen=True, slots=True)
class Register:
    """What this room must know of people, answered by the rooms above it.

    ``find(number, born)`` is the id of the one living person with this citizen number, or None, also if she was not
    born on that day (None: not asked for); ``account_of(patient)`` her account, made if there is none, None if it is
    closed.
    """

    find: Callable[[str, date | None], str | None]
    account_of: Callable[[str], User | None]


Send = Callable[[str, str, str], bool]
_registers: list[Register] = []
_senders: list[Send] = []


def use_register(register: Register) -> None:
    """Register who knows people."""
    _registers[:] = [register]


def send_codes_by(send: Send) -> None:
    """Register who reaches people: ``send(patient, code, language)``, whether it went out."""
    _senders[:] = [send]


def account_of_verified(number: str, born: date) -> User | None:
    """The account of whoever has proven elsewhere that this is her citizen number and birth date."""
    for register in _registers:
        if patient := register.find(number, born):
            return register.account_of(patient)
    return None


def ask(number: str) -> str:
    """Keep that somebody wants to sign in with this citizen number; the name under which ``deliver`` finds it."""
    token = secrets.token_urlsafe(24)
    cache.set(_key(token), {"number": encryption.encrypt(number, purpose=_PURPOSE)}, LIFETIME)
    return token


def deliver(token: str, language: str) -> bool:
    """Send a code to whoever was asked for; False if there is nobody, no way to her, or it was done before."""
    asked = cache.get(_key(token))
    if not asked or "number" not in asked:
        return False
    number = encryption.decrypt(asked["number"], purpose=_PURPOSE)
    patient = next((one.find(number, None) for one in _registers), None)
    if not patient or not cache.add(_key(token, "sent"), 1, LIFETIME):
        return False
    code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
    cache.set(_key(token), {"patient": patient, "hash": _hash(token, code)}, LIFETIME)
    return any(send(patient, code, language) for send in _senders)


def redeem(token: str, code: str) -> User | None:
    """The account that this code opens, once; None if it is wrong, used, too old, or tried too often."""
    if not tries_left(token):
        return None
    cache.add(_key(token, "tries"), 0, LIFETIME)
    if cache.incr(_key(token, "tries")) > TRIES:
        return None
    known = cache.get(_key(token)) or {}
    right = constant_time_compare(known.get("hash", ""), _hash(token, "".join(code.split())))
    if not right or not cache.delete(_key(token)):  # of two at the same time, one deletes it
        return None
    return next((one.account_of(known["patient"]) for one in _registers), None)


def tries_left(token: str) -> bool:
    """Whether another code may be tried."""
    return bool(token) and cache.get(_key(token, "tries"), 0) < TRIES


def _key(token: str, part: str = "asked") -> str:
    return f"accounts.code:{token}:{part}"


def _hash(token: str, code: str) -> str:
    return salted_hmac(f"accounts.code.{token}", code, algorithm="sha256").hexdigest()
