"""The people and facilities of `tests.records`."""

from tests.records.conftest import clinic, hoa_binh, patient, stranger, thang_long, write
from tests.records.test_me import duc

__all__ = ["clinic", "duc", "hoa_binh", "patient", "stranger", "thang_long", "write"]
