"""The tables of `screening`.

Episode, ScreeningResult and the events with a FHIR source are derived from stored resources (`manage.py rebuild`); the
events that staff make without a resource (source type "staff") are truth of their own and survive a rebuild.
Statistics cells are counted from ScreeningResult. ImportBatch is the log of a file.
"""

from screening.models.episode import Episode, EpisodeEvent, EpisodeState
from screening.models.imports import BatchState, ImportBatch, ImportedRow
from screening.models.result import ScreeningResult
from screening.models.statistics import StaleCell, StatisticsCell, StatisticsCheck

__all__ = [
    "BatchState",
    "Episode",
    "EpisodeEvent",
    "EpisodeState",
    "ImportBatch",
    "ImportedRow",
    "ScreeningResult",
    "StaleCell",
    "StatisticsCell",
    "StatisticsCheck",
]
