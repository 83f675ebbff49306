"""What the demo clinic has done about a late step: somebody has it in hand and has tried to reach the person."""

from healthhub.accounts.actors import Actor
from screening.demo.cast import moment
from screening.demo.plan import Options
from screening.failsafe.assignments import assign
from screening.models import ContactAttempt, ContactOutcome, ContactWay, Episode, EpisodeState

_TRIES = (
    (15, ContactWay.PHONE, ContactOutcome.NO_ANSWER, "Gọi hai lần, không nghe máy."),
    (9, ContactWay.PHONE, ContactOutcome.AGREED, "Hẹn đến trong tuần; con gái sẽ đưa đi."),
)


def attempts(options: Options, *, patient: str, user: int, actor: Actor) -> None:
    """One person's open step, taken in hand by the clinician and tried twice."""
    episode = Episode.objects.filter(patient=patient).exclude(state=EpisodeState.CLOSED).first()
    if episode is None or actor.facility is None:
        return
    assign(episodes=[episode], assignee=user, actor=actor)
    ContactAttempt.objects.bulk_create(
        ContactAttempt(
            patient_id=patient, programme=episode.programme, episode=episode, step=episode.step,
            contacted_at=moment(options, days, 16), way=way, outcome=outcome, note=note,
            facility_id=actor.facility, actor=actor.id, actor_name=actor.name,
        )
        for days, way, outcome, note in _TRIES
    )  # fmt: skip
