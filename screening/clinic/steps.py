"""What moves an open round on, by its state."""

from screening.models import Episode
from screening.protocol import protocol_for

#: state -> what to do next. An assessment is first arranged, then its outcome recorded; a decision is only recorded.
_ACTIONS = {
    "to_verify": "verify",
    "reading_due": "enter",
    "repeat_due": "enter",
    "triage_due": "enter",
    "assessment_due": "refer",
    "surveillance_due": "refer",
    "treatment_due": "refer",
    "decision_due": "assess",
    "referred": "assess",
}


def next_action(episode: Episode) -> str:
    """What moves an open round on: refer, assess, enter (another result) or verify; "" for a closed one."""
    action = _ACTIONS.get(episode.state, "")
    if action in ("refer", "assess", "enter"):
        protocol = protocol_for(episode.programme, episode.opened_on)
        step = protocol.steps.get(episode.step)
        if step and step.assessment is None and action != "enter":
            return "enter" if test_awaited(episode) else "verify"
    return action


def test_awaited(episode: Episode) -> str:
    """The test whose result an open round waits for; "" if the protocol names none."""
    protocol = protocol_for(episode.programme, episode.opened_on)
    exits = protocol.steps[episode.step].discharged_by if episode.step in protocol.steps else ()
    named = [pattern.removeprefix("result:") for pattern in exits if pattern.startswith("result:")]
    return next((key for key in named if key in protocol.tests), "")


def step_name(episode: Episode) -> dict[str, str]:
    """The name of the open step, by language; the key itself where the version of the round does not know it."""
    step = protocol_for(episode.programme, episode.opened_on).steps.get(episode.step)
    return dict(step.name) if step else {"vi": episode.step, "en": episode.step}
