"""A cut-off that comes with a result, held against the protocol's own: who sends a result may confirm where "positive"
begins, but not move it unseen. A range set wrongly in one machine would make every positive of it a negative."""

from dataclasses import dataclass

from screening.protocol.faults import NotInterpretable
from screening.protocol.interpret import Interpretation, interpret
from screening.protocol.shapes import Test, Text
from screening.protocol.terms import POSITIVE

_NONE = {"cutoff", "kit"}  # faults that mean that the protocol has no cut-off for such a number


@dataclass(frozen=True, slots=True)
class Beside:
    """A number by the cut-off that came with it, and by the protocol's; ``own`` is None where that does not decide."""

    stated: Interpretation
    own: Interpretation | None

    @property
    def differs(self) -> bool:
        """Whether the protocol's own cut-off makes another result of it, or none."""
        return self.own is None or self.own.category != self.stated.category

    @property
    def hides(self) -> bool:
        """Whether a result that is positive by the protocol, or may be, is none by the cut-off that came with it."""
        return self.stated.outcome != POSITIVE and (self.own is None or self.own.outcome == POSITIVE)

    @property
    def sentence(self) -> Text:
        """Both readings in words."""
        stated = self.stated.explanation
        own = self.own.explanation if self.own else {"vi": "không biết được", "en": "cannot be told"}
        return {
            "vi": f"Theo ngưỡng ghi kèm: {stated['vi']}. Theo ngưỡng của quy trình: {own['vi']}.",
            "en": f"By the cut-off stated: {stated['en']}. By the protocol's: {own['en']}.",
        }


def beside_own(test: Test, stated: Interpretation, *, kit: str) -> Beside | None:
    """A reading beside the protocol's own; None of a result without a number, or of one that the protocol itself has no
    cut-off for: then only the laboratory can tell it."""
    if stated.value is None:
        return None
    try:
        own = interpret(test, quantity=stated.value, comparator=stated.comparator, unit=stated.unit, kit=kit)
    except NotInterpretable as fault:
        return None if fault.field in _NONE else Beside(stated, None)
    return Beside(stated, own)
