"""Texts of new versions, made from the shipped file by changing a few lines."""

from datetime import date, timedelta

from django.utils import timezone

from screening.protocol.load import FOLDER

NEXT_YEAR = date(2027, 1, 1)


def colorectal_text(*, version: str = "2027.1", valid_from: date = NEXT_YEAR, **changes: str) -> str:
    """The colorectal file as a later version; ``old=new`` replaces every occurrence, with _ for blanks around =."""
    text = (FOLDER / "colorectal_2026.toml").read_text(encoding="utf-8")
    text = text.replace('version = "2026.1"', f'version = "{version}"')
    text = text.replace("valid_from = 2026-01-01", f"valid_from = {valid_from.isoformat()}")
    for old, new in changes.items():
        assert old.replace("__", " = ") in text
        text = text.replace(old.replace("__", " = "), new)
    return text


def older_and_rarer(**more: object) -> str:
    """From 50 instead of 40, and every 24 months after a negative FIT instead of 12."""
    return colorectal_text(
        min_age__40="min_age = 50",
        interval_months__12="interval_months = 24",
        next_months__12="next_months = 24",
        **more,  # type: ignore[arg-type]
    )


def in_days(days: int) -> date:
    """Some days from today in Hanoi."""
    return timezone.localdate() + timedelta(days=days)
