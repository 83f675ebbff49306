"""Which texts are approved as they read now: by their key and the sum of what they say in every language."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Final

from screening.models import TextApproval

LANGUAGES: Final = ("vi", "en")


def sum_of(parts: Iterable[Mapping[str, str]]) -> str:
    """The SHA-256 of a text's parts, each language -> what it says."""
    said = [[part.get(language, "") for language in LANGUAGES] for part in parts]
    return hashlib.sha256(json.dumps(said, ensure_ascii=False).encode()).hexdigest()


def approvals(keys: Iterable[str]) -> dict[tuple[str, str], TextApproval]:
    """The approvals that hold, by key and sum. One query."""
    held = TextApproval.objects.filter(key__in=set(keys), withdrawn_at__isnull=True)
    return {(one.key, one.sha256): one for one in held}
