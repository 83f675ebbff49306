"""What may not stand in a message, not even in a name: an oncology hospital's on an envelope tells too much."""

import re
from typing import Final

LONGEST: Final = 60
NEUTRAL: Final = {"vi": "Cơ sở y tế của bạn", "en": "Your health facility"}
DEPARTMENT: Final = {"vi": "Sở Y tế Hà Nội", "en": "Hanoi Department of Health"}
_TELLING = re.compile(
    r"ung thư|ung bướu|u bướu|khối u|bướu|bệnh viện k\b|viện k\b|polyp|cancer|oncolog|tumou?r|carcino|hiv|aids|hpv"
    r"|viêm gan|hepatitis|\blao\b|bệnh viện phổi|tâm thần|da liễu|tiền ung|bất thường|abnormal"
    r"|dương tính|âm tính|nghi ngờ|positive|negative|suspicious|máu ẩn|nội soi|sinh thiết|biopsy",
    re.IGNORECASE,
)
_LINK = re.compile(r"[a-z]+://|www\.|\w\.\w{2,}/|@", re.IGNORECASE)


def is_discreet(text: str) -> bool:
    """Whether a text names no disease and no result, and leads nowhere."""
    return not _TELLING.search(text) and not _LINK.search(text)


def discreet(name: str, language: str) -> str:
    """A name as it may stand in a message: in one line and short, or a neutral word if it tells too much.

    Without a name it is the department that writes.
    """
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in name).split())
    if not line:
        return DEPARTMENT[language]
    if not is_discreet(line):
        return NEUTRAL[language]
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1].rstrip()}…"
