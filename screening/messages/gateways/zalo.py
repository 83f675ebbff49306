"""Zalo Notification Service: approved templates by telephone number, for people who asked for Zalo.

The answer is HTTP 200 with ``error``, 0 if it was taken. A failure keeps its code; only those below mean that the
address is wrong, or that we are; all others are given up, and the message goes by another way.

Zalo's public table of codes (zalo.cloud/zns/guidelines/handle-error-code, read in a stored copy as far as -112) says:
-108 the number is invalid. By resellers' tables, in the same words: -114 the person is inactive, refuses notifications,
has an old app, or something else went wrong (so not a wrong number); -115 out of quota; -118 no such account. By public
code alone: -124, -125, -144, -147, -216, -220 token or limits. Check those with the account's own documentation.
"""

import json
from collections.abc import Mapping
from types import TracebackType
from typing import Final, Self

from screening.messages.gateways.posting import post
from screening.messages.gateways.shapes import Delivered, Later, Never, Outcome, Parcel

NO_SUCH_PERSON: Final = frozenset({-108, -118})
REFUSES_US: Final = frozenset({-115, -124, -125, -144, -147, -216, -220})  # the channel's fault, not the person's


class ZaloGateway:
    """``templates`` maps a kind (or "kind.language") to the id of the template that Zalo approved for it."""

    def __init__(self, *, url: str, token: str, templates: Mapping[str, str]) -> None:
        self.url, self.token, self.templates = url, token, templates

    @classmethod
    def of(cls, url: str, token: str, templates: str) -> Self:
        """From settings; ``templates`` is a JSON object."""
        return cls(url=url, token=token, templates=json.loads(templates))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def send(self, parcel: Parcel) -> Outcome:
        """Hand one notification over."""
        template = self.templates.get(f"{parcel.kind}.{parcel.language}") or self.templates.get(parcel.kind)
        if template is None:
            return Never("no_template")
        body = {
            "phone": parcel.address.lstrip("+"),
            "template_id": template,
            "template_data": dict(parcel.fields),
            "tracking_id": parcel.key[:48],
        }
        answer = post(self.url, body, {"access_token": self.token})
        if isinstance(answer, Later):
            return answer
        _status, said = answer
        code = said.get("error")
        if code == 0:
            return Delivered(str((said.get("data") or {}).get("msg_id", ""))[:128])
        if code in REFUSES_US:
            return Later(f"zalo:{code}", pause=300)
        return Never(f"zalo:{code}"[:32], bad_address=code in NO_SUCH_PERSON)
