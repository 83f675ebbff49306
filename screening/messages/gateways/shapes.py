"""What goes to a gateway and what comes back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self


@dataclass(frozen=True, slots=True)
class Parcel:
    """One message, ready to go. ``key`` is the same for every try: a gateway that has seen it must not deliver again.

    ``short`` is for SMS and Zalo, ``subject`` and ``body`` for e-mail, ``fields`` for gateways with own templates.
    """

    key: str
    kind: str
    language: str
    address: str
    short: str
    subject: str
    body: str
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Delivered:
    """Taken by the gateway under this id."""

    provider_id: str


@dataclass(frozen=True, slots=True)
class Later:
    """Not now: the line is down, the gateway is busy or refuses us. ``pause`` is how many seconds the whole channel
    must wait, None if only this message failed; a pause is not the message's fault and does not count as a try."""

    reason: str
    pause: float | None = None


@dataclass(frozen=True, slots=True)
class Never:
    """It will not go this way. ``bad_address`` if it is the address that is wrong, not the message."""

    reason: str
    bad_address: bool = False


Outcome = Delivered | Later | Never


class Gateway(Protocol):
    """One channel's way out. Used as a context, so that a connection can serve many messages."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def send(self, parcel: Parcel) -> Outcome:
        """Hand one message over. Raises nothing that a gateway or network can cause."""
