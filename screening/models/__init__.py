"""The tables of `screening`.

Episode, ScreeningResult and the events with a FHIR source are derived from stored resources (`manage.py rebuild`); the
events that staff make without a resource (source type "staff") are truth of their own and survive a rebuild.
Statistics cells are counted from ScreeningResult. ImportBatch is the log of a file.
"""

from screening.models.episode import Episode, EpisodeEvent, EpisodeState
from screening.models.failsafe import (
    Assignment,
    CancerCase,
    CancerMode,
    ClosureRequest,
    ContactAttempt,
    ContactOutcome,
    ContactWay,
    Escalation,
    FacilityReminder,
    FailsafeAlarm,
    FailsafeRun,
)
from screening.models.imports import BatchState, ImportBatch, ImportedRow
from screening.models.laboratory import (
    CustodyEvent,
    CustodyKind,
    EntryDifference,
    Kit,
    KitLot,
    Notice,
    Order,
    Specimen,
    UnmatchedResult,
    UnmatchedState,
)
from screening.models.messages import (
    BadContact,
    BatchStage,
    Channel,
    EmailAddress,
    LetterBatch,
    Message,
    MessageKind,
    MessagePreference,
    MessageState,
)
from screening.models.offline import OfflineEntry, OfflineState
from screening.models.recall import (
    Balance,
    BalanceDifference,
    Capacity,
    Decision,
    DecisionKind,
    Invitation,
    InvitationKind,
    InvitationState,
    RecallRun,
    StalePerson,
    Standing,
    Status,
)
from screening.models.result import ScreeningResult
from screening.models.statistics import StaleCell, StatisticsCell, StatisticsCheck

__all__ = [
    "Assignment",
    "BadContact",
    "Balance",
    "BalanceDifference",
    "BatchStage",
    "BatchState",
    "CancerCase",
    "CancerMode",
    "Capacity",
    "Channel",
    "ClosureRequest",
    "ContactAttempt",
    "ContactOutcome",
    "ContactWay",
    "CustodyEvent",
    "CustodyKind",
    "Decision",
    "DecisionKind",
    "EmailAddress",
    "EntryDifference",
    "Episode",
    "EpisodeEvent",
    "EpisodeState",
    "Escalation",
    "FacilityReminder",
    "FailsafeAlarm",
    "FailsafeRun",
    "ImportBatch",
    "ImportedRow",
    "Invitation",
    "InvitationKind",
    "InvitationState",
    "Kit",
    "KitLot",
    "LetterBatch",
    "Message",
    "MessageKind",
    "MessagePreference",
    "MessageState",
    "Notice",
    "OfflineEntry",
    "OfflineState",
    "Order",
    "RecallRun",
    "ScreeningResult",
    "Specimen",
    "StaleCell",
    "StalePerson",
    "Standing",
    "StatisticsCell",
    "StatisticsCheck",
    "Status",
    "UnmatchedResult",
    "UnmatchedState",
]
