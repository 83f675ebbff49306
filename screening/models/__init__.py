"""The tables of `screening`.

Episode, ScreeningResult and the events with a FHIR source are derived from stored resources (`manage.py rebuild`); the
events that staff make without a resource (source type "staff") are truth of their own and survive a rebuild.
Statistics cells are counted from ScreeningResult. ImportBatch is the log of a file.
"""

from screening.models.appointments import (
    Appointment,
    AppointmentEvent,
    AppointmentStatus,
    ClosedDay,
    OpenTo,
    Session,
    SessionKind,
    Slot,
)
from screening.models.batches import BatchedStep, BatchedStepState, StepBatch, StepBatchKind, StepBatchState
from screening.models.episode import Episode, EpisodeEvent, EpisodeState, EventKind
from screening.models.failsafe import (
    AlarmReview,
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
from screening.models.imports import (
    MOVING,
    BatchState,
    CodeMapping,
    ColumnMapping,
    ImportBatch,
    ResultFlag,
    RowKind,
    RowState,
    StagedRow,
)
from screening.models.invitation import (
    Capacity,
    Decision,
    DecisionKind,
    Invitation,
    InvitationKind,
    InvitationState,
)
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
from screening.models.machines import MachineConnection, MachineMessage, MachineProtocol
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
from screening.models.openround import OpenRound
from screening.models.protocols import DryRunState, ProtocolVersion, VersionState
from screening.models.publishing import UnpublishedPerson
from screening.models.recall import Balance, BalanceDifference, CountedPerson, RecallRun
from screening.models.result import ScreeningResult
from screening.models.standing import StalePerson, Standing, StandingsNight, Status
from screening.models.statistics import StaleCell, StatisticsCell, StatisticsCheck
from screening.models.texts import TextApproval

__all__ = [
    "MOVING",
    "AlarmReview",
    "Appointment",
    "AppointmentEvent",
    "AppointmentStatus",
    "Assignment",
    "BadContact",
    "Balance",
    "BalanceDifference",
    "BatchStage",
    "BatchState",
    "BatchedStep",
    "BatchedStepState",
    "CancerCase",
    "CancerMode",
    "Capacity",
    "Channel",
    "ClosedDay",
    "ClosureRequest",
    "CodeMapping",
    "ColumnMapping",
    "ContactAttempt",
    "ContactOutcome",
    "ContactWay",
    "CountedPerson",
    "CustodyEvent",
    "CustodyKind",
    "Decision",
    "DecisionKind",
    "DryRunState",
    "EmailAddress",
    "EntryDifference",
    "Episode",
    "EpisodeEvent",
    "EpisodeState",
    "Escalation",
    "EventKind",
    "FacilityReminder",
    "FailsafeAlarm",
    "FailsafeRun",
    "ImportBatch",
    "Invitation",
    "InvitationKind",
    "InvitationState",
    "Kit",
    "KitLot",
    "LetterBatch",
    "MachineConnection",
    "MachineMessage",
    "MachineProtocol",
    "Message",
    "MessageKind",
    "MessagePreference",
    "MessageState",
    "Notice",
    "OfflineEntry",
    "OfflineState",
    "OpenRound",
    "OpenTo",
    "Order",
    "ProtocolVersion",
    "RecallRun",
    "ResultFlag",
    "RowKind",
    "RowState",
    "ScreeningResult",
    "Session",
    "SessionKind",
    "Slot",
    "Specimen",
    "StagedRow",
    "StaleCell",
    "StalePerson",
    "Standing",
    "StandingsNight",
    "StatisticsCell",
    "StatisticsCheck",
    "Status",
    "StepBatch",
    "StepBatchKind",
    "StepBatchState",
    "TextApproval",
    "UnmatchedResult",
    "UnmatchedState",
    "UnpublishedPerson",
    "VersionState",
]
