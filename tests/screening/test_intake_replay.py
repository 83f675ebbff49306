"""Whatever happens, in any order: stored rounds equal the fold of the events, and a rebuild gives the same rows."""

import random
from datetime import date, timedelta

import pytest

from fhir import hooks, store
from fhir.models import Resource
from fhir.text import parse
from healthhub.accounts.actors import SYSTEM
from screening.closings import close_episode
from screening.models import Episode, EpisodeEvent, OpenRound, ScreeningResult
from screening.protocol import Event, current, fold_rounds, protocol_for
from screening.results import build_assessment

CERVICAL = [
    ("82675-0", "âm tính"),
    ("82675-0", "HPV 16"),
    ("82675-0", "HPV nguy cơ cao khác"),
    ("77399-4", "dương tính"),
    ("77400-0", "âm tính"),
    ("10524-7", "NILM"),
    ("10524-7", "ASC-US"),
    ("10524-7", "HSIL"),
    ("10524-7", "không đạt"),
    ("10524-7", "???"),
]


#: Days on either side of the protocols' change of version at the turn of 2026.
START, LENGTH = date(2024, 6, 1), 900


def rows():
    places = OpenRound.objects.order_by("episode", "holder").values_list("episode", "holder", "step", "first_due_on")
    return {
        model.__name__: list(model.objects.order_by("pk").values())
        for model in (ScreeningResult, Episode, EpisodeEvent)
    } | {"OpenRound": list(places)}


def folded():
    """The state of every round, straight from the events."""
    histories: dict[tuple[str, str], list[Event]] = {}
    for row in EpisodeEvent.objects.all():
        source = f"{row.source_type}/{row.source_id}"
        event = Event(row.fact, row.occurred_on, source, row.source_version, row.kind == "withdrawn", row.data)
        histories.setdefault((row.patient_id, row.programme), []).append(event)
    return {
        (patient, programme, state.opened_on): (
            state.state,
            state.step,
            state.due_on,
            state.owner,
            [(need.step, need.owner, need.source, need.due_on.isoformat()) for need in state.needs],
            len([event for event in state.events if event.fact != "died"]),
        )
        for (patient, programme), events in histories.items()
        if programme
        for state in fold_rounds(
            [*events, *histories.get((patient, ""), [])],
            rules=lambda day, programme=programme: protocol_for(programme, day),
        )[0]
    }


def stored():
    """The state of every round, from the table; its events by source, as corrections share one."""
    return {
        (episode.patient_id, episode.programme, episode.opened_on): (
            episode.state,
            episode.step,
            episode.due_on,
            episode.owner,
            [(need["step"], need["owner"], need["source"], need["due_on"]) for need in episode.needs],
            len({(event.source_type, event.source_id) for event in episode.events.all()}),
        )
        for episode in Episode.objects.prefetch_related("events")
    }


def follow_up(chance, person, day, station):
    """An assessment of any kind with any finding, of the woman also a cervical one."""
    protocol = current(chance.choice(["colorectal", "cervical"]))
    rule = chance.choice(list(protocol.assessments.values()))
    finding = chance.choice(list(rule.findings.values()))
    about = {"patient_id": person, "about": "none", "facility": station.pk, "done_on": date.fromisoformat(day)}
    resource = build_assessment(rule=rule, finding=finding, tnm={"t": "T1"}, **about)
    store.save(resource, actor=SYSTEM, facility=station.pk)


def tell(chance, person, day, observation):
    """The person was told of a result; sometimes without saying when."""
    resource = {
        "resourceType": "Communication",
        "status": "completed",
        "subject": {"reference": f"Patient/{person}"},
        "about": [{"reference": f"Observation/{observation}"}],
    }
    if chance.random() < 0.7:
        resource["sent"] = f"{day}T08:00:00+07:00"
    store.save(resource, actor=SYSTEM)


def bury(chance, person, day):
    """The person is said to have died, or to live after all."""
    stored = parse(Resource.objects.get(type="Patient", id=person).content).resource
    alive = {key: value for key, value in stored.items() if not key.startswith("deceased")}
    said = chance.choice([{}, {"deceasedBoolean": True}, {"deceasedDateTime": day}, {"deceasedDateTime": day[:4]}])
    store.save(alive | said, actor=SYSTEM)


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(4))
def test_stored_rounds_equal_the_fold_and_a_rebuild(send, station, clinician, man, woman, seed):
    chance = random.Random(seed)
    written: list[str] = []
    for _ in range(35):
        day = (START + timedelta(days=chance.randrange(LENGTH))).isoformat()
        person, act = chance.choice([man, woman]), chance.random()
        again = {"id": chance.choice(written)} if written and chance.random() < 0.35 else {}
        if act < 0.3:
            written.append(send.fit(person, str(chance.choice([5, 50])), on=day, **again))
        elif act < 0.5:
            code, word = chance.choice(CERVICAL)
            written.append(send.fit(woman, None, on=day, code=code, valueCodeableConcept={"text": word}, **again))
        elif act < 0.66:
            follow_up(chance, person, day, station)
        elif act < 0.7 and written:
            tell(chance, person, day, chance.choice(written))
        elif act < 0.73:
            bury(chance, person, day)
        elif act < 0.8:
            send.referral(person, on=day, due=day, code=chance.choice(["73761001", "392003006"]))
        elif act < 0.87 and written:
            store.delete(type="Observation", id=chance.choice(written), actor=SYSTEM)
        elif (episode := Episode.objects.exclude(state="closed").order_by("id").first()) is not None:
            close_episode(episode=episode, reason="declined", on=START + timedelta(LENGTH), actor=clinician)
    assert stored() == folded()
    before = rows()
    hooks.run_rebuild()
    assert rows() == before
