"""The tables of `screening`.

Episode, ScreeningResult and the events with a FHIR source are derived from stored resources (`manage.py rebuild`); the
events that staff make without a resource (source type "staff") are truth of their own and survive a rebuild.
"""

from screening.models.episode import Episode, EpisodeEvent, EpisodeState
from screening.models.result import ScreeningResult

__all__ = ["Episode", "EpisodeEvent", "EpisodeState", "ScreeningResult"]
