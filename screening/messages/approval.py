"""Which messages may leave the house: those whose text the department has approved as it reads now.

In the demo city, where nothing leaves it, all may. Elsewhere a message of another kind waits in the outbox until its
text is approved: that is told on the page of the texts, and to whoever looks at the person's messages.
"""

from collections.abc import Mapping
from typing import Final

from django.conf import settings

from screening.approvals import approvals, sum_of
from screening.messages.texts import LANGUAGES, texts
from screening.models.messages import MessageKind

PREFIX: Final = "messages."
PARTS: Final = ("short", "subject", "body")


def parts_of(kind: str) -> list[Mapping[str, str]]:
    """Short text, subject and body, each by language."""
    return [{language: getattr(texts()[kind, language], part) for language in LANGUAGES} for part in PARTS]


def approved_kinds() -> list[str]:
    """The kinds of messages whose text is approved. One query."""
    sums = {PREFIX + kind: sum_of(parts_of(kind)) for kind in MessageKind.values}
    held = approvals(sums)
    return [key.removeprefix(PREFIX) for key, total in sums.items() if (key, total) in held]


def sendable_kinds() -> list[str]:
    """The kinds that may be sent now."""
    return list(MessageKind.values) if settings.DEMO else approved_kinds()
