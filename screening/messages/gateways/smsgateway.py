"""SMS by an HTTP gateway: ``{to, from, text, reference}``; it answers ``{id}`` or ``{error}``."""

from types import TracebackType
from typing import Final, Self

from screening.messages.gateways.posting import post
from screening.messages.gateways.shapes import Delivered, Later, Never, Outcome, Parcel

BAD_NUMBER: Final = frozenset({"invalid_number", "unknown_subscriber", "blacklisted"})


class SmsGateway:
    """The ``Idempotency-Key`` is the message's key: a gateway that honours it never delivers a repeated try twice."""

    def __init__(self, *, url: str, token: str, sender: str) -> None:
        self.url, self.token, self.sender = url, token, sender

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def send(self, parcel: Parcel) -> Outcome:
        """Hand one SMS over."""
        body = {"to": parcel.address, "from": self.sender, "text": parcel.short, "reference": parcel.key}
        headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": parcel.key}
        answer = post(self.url, body, headers)
        if isinstance(answer, Later):
            return answer
        status, said = answer
        if status < 300:
            return Delivered(str(said.get("id", ""))[:128])
        reason = str(said.get("error", f"http_{status}"))[:32]
        return Never(reason, bad_address=reason in BAD_NUMBER)
