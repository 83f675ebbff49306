"""Which results a citizen may not see yet: they wait until somebody has told her, or has confirmed them.

While one result of a round is held back, all of that round is: a sibling's "still to do" would tell what it says.
"""

from collections.abc import Iterable
from datetime import date

from records.access import withhold_from_citizens
from screening.models import ScreeningResult
from screening.models.result import shown_on

_HELD = """
EXISTS (
  SELECT FROM screening_screeningresult s WHERE s.patient_id = r.patient
    AND NOT coalesce(least(s.released_on, s.hold_until) <= (now() AT TIME ZONE 'Asia/Ho_Chi_Minh')::date, false)
    AND (r.type IN ('CarePlan', 'Task', 'EpisodeOfCare') OR (r.type = 'Observation' AND (s.observation_id = r.id
        OR EXISTS (SELECT FROM screening_screeningresult o WHERE o.observation_id = r.id
                   AND o.episode_id = s.episode_id)))
      OR EXISTS (SELECT FROM screening_episodeevent e WHERE e.source_type = r.type AND e.source_id = r.id
                 AND e.episode_id = s.episode_id)
      OR (r.type = 'Appointment' AND EXISTS (SELECT FROM screening_appointment a WHERE a.appointment_id = r.id
          AND a.programme = s.programme AND a.kind = 'assessment'))
      OR strpos(r.content, 'Observation/' || s.observation_id) > 0)
)
"""


def withhold() -> None:
    """Keep what is held back out of what citizens read over FHIR and on their record's pages."""
    withhold_from_citizens(_HELD)


def programmes_held(patient: str, on: date) -> set[str]:
    """The programmes in which a result of this person is held back on that day. One query."""
    waiting = ScreeningResult.objects.filter(patient_id=patient).exclude(shown_on(on))
    return set(waiting.values_list("programme", flat=True))


def held_back(results: Iterable[ScreeningResult], on: date) -> set[str]:
    """The Observations among a person's results that she may not see on that day."""
    mine = list(results)
    waiting = [result for result in mine if not result.is_shown(on)]
    rounds = {result.episode_id for result in waiting if result.episode_id}
    return {result.pk for result in waiting} | {result.pk for result in mine if result.episode_id in rounds}
