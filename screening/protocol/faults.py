"""Why a value cannot be read."""

from screening.protocol.terms import Text


class NotInterpretable(Exception):
    """A value that the protocol cannot read. ``field`` is value, unit, cutoff or kit; texts say what would be right."""

    def __init__(self, field: str, vi: str, en: str) -> None:
        super().__init__(en)
        self.field = field
        self.text: Text = {"vi": vi, "en": en}
