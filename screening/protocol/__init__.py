"""The rules of the screening programmes: data in ``screening/protocols``, read and applied by pure functions."""

from screening.protocol.clocks import escalation, months_after
from screening.protocol.eligibility import Eligibility, age_on, eligible
from screening.protocol.episode import fold, fold_rounds, next_step
from screening.protocol.events import EpisodeState, Event
from screening.protocol.faults import NotInterpretable
from screening.protocol.interpret import Interpretation, interpret
from screening.protocol.load import (
    Match,
    ProtocolError,
    current,
    find_assessment,
    find_test,
    known_tests,
    named_test,
    parse,
    programmes,
    protocol_for,
    protocols,
)
from screening.protocol.shapes import INADEQUATE, NEGATIVE, OUTCOMES, POSITIVE, UNCLASSIFIED, Protocol, Test

__all__ = [
    "INADEQUATE",
    "NEGATIVE",
    "OUTCOMES",
    "POSITIVE",
    "UNCLASSIFIED",
    "Eligibility",
    "EpisodeState",
    "Event",
    "Interpretation",
    "Match",
    "NotInterpretable",
    "Protocol",
    "ProtocolError",
    "Test",
    "age_on",
    "current",
    "eligible",
    "escalation",
    "find_assessment",
    "find_test",
    "fold",
    "fold_rounds",
    "interpret",
    "known_tests",
    "months_after",
    "named_test",
    "next_step",
    "parse",
    "programmes",
    "protocol_for",
    "protocols",
]
