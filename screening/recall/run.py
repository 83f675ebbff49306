"""A night's call and recall: one list of steps; a transaction does one, or some that are quick, and notes so.

A killed run goes on after the last step that committed; a second run of the same night finds nothing left; two
processes at once take turns. ``counts`` and ``percent`` of RecallRun show how far it is.

A night works out the standings of those whom the night concerns (see ``night``) and looks again at a share of all.
Where everybody must be counted, a programme's step puts steps in its place, one for each chunk of the people.
"""

import logging
import time
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, Final

from django.db import connection, transaction
from django.utils import timezone

from screening.models import RecallRun, StalePerson
from screening.protocol import programmes, protocol_for
from screening.recall import night
from screening.recall.balance import balance
from screening.recall.invitations import plan
from screening.recall.recount import look_again
from screening.recall.refresh import lock, refresh_noted, refresh_standings, take_all_notes, take_notes
from screening.recall.settling import settle
from screening.recall.standing import Scope
from screening.recall.telling import give_up, remind, send

logger = logging.getLogger(__name__)

CHUNK: Final = 250_000
SECONDS: Final = 1.0  # a transaction takes further steps for so long
_BOUNDS = """
SELECT patient_id FROM (SELECT patient_id, row_number() OVER (ORDER BY patient_id) AS place FROM records_citizen) AS p
WHERE place %% %s = 0 ORDER BY patient_id
"""


def start_run(on: date, *, only: Sequence[str] = ()) -> RecallRun:
    """The run of that night for these programmes (all, if none is named), new or as far as it has got."""
    chosen = sorted(only or programmes())
    with transaction.atomic():
        run, made = RecallRun.objects.get_or_create(on=on, programmes=chosen)
        if made:
            run.steps = [
                "notes all",
                *(f"standings {programme}" for programme in chosen),
                *(f"{work} {programme}" for programme in chosen for work in _WORK),
                "balance all",
                *(f"again {programme}" for programme in chosen),
            ]
            run.save()
    return run


def carry_on(run: RecallRun, *, stop: Callable[[], bool] = lambda: False) -> RecallRun:
    """Do what is left of a run; ``stop`` is asked before each step."""
    stopped = stop()
    while not stopped:
        with transaction.atomic():
            run = RecallRun.objects.select_for_update().get(pk=run.pk)
            lock()
            until = time.monotonic() + SECONDS
            while step := _next(run):
                if _step(run, step):
                    run.done.append(step)
                run.save()
                stopped = stop()
                if stopped or time.monotonic() > until:
                    break
        if step is None:
            break
    if run.finished_at is None and len(run.done) == len(run.steps):
        run.finished_at = timezone.now()
        run.save()
        logger.info("Recall of %s: %s", run.on, run.counts)
    return run


def _next(run: RecallRun) -> str | None:
    done = set(run.done)
    return next((step for step in run.steps if step not in done), None)


def _step(run: RecallRun, step: str) -> bool:
    """Do one step, or a part of it; whether it is done. A large one takes several transactions."""
    work, programme, *rest = step.split()
    if work in _STEPS:
        return _STEPS[work](run, programme, rest)
    found = _WORK[work](programme, run.on)
    _add(run, {work: found} if isinstance(found, int) else found)
    return work not in _BATCHED or not found


def _notes(run: RecallRun, _all: str, _rest: list[str]) -> bool:
    """What writes have noted; with very many notes, as after a rebuild, everybody is counted in their place."""
    if set(run.programmes) == set(programmes()) and (
        StalePerson.objects.count() > night.MOST
        or all(night.must_recount(protocol_for(name, run.on), run.on) for name in run.programmes)
    ):
        night.forget_rules()
        take_all_notes()
        return True
    return take_notes(run.on) == 0


def _standings(run: RecallRun, programme: str, _rest: list[str]) -> bool:
    """Those on whom the night has worked; or everybody, in steps of their own."""
    protocol = protocol_for(programme, run.on)
    if not night.has_begun(protocol, run.on):
        people: list[str] | None = []
    elif night.must_recount(protocol, run.on):
        people = None
    else:
        people = night.people_of(protocol, run.on)
    if people is None:
        _count_everybody(run, programme)
        return True
    if people:
        changed = refresh_standings(protocol, run.on, scope=Scope(patients=people), named=True)
        _add(run, {"looked": len(people), "changed": changed.written, "removed": changed.removed})
        if changed.people:
            _add(run, settle(run.on, patients=changed.people, programme=programme))
    night.note_night(programme, run.on)
    return True


def _count_everybody(run: RecallRun, programme: str) -> None:
    if not run.bounds:
        with connection.cursor() as cursor:
            cursor.execute(_BOUNDS, [CHUNK])
            run.bounds = [row[0] for row in cursor.fetchall()]
    rules = night.rules_of(protocol_for(programme, run.on))
    steps = [f"everybody {programme} {chunk}" for chunk in range(len(run.bounds) + 1)]
    steps += [f"counted {programme} {rules}", f"analyze {programme}", f"settle {programme}"]
    place = run.steps.index(f"standings {programme}") + 1
    run.steps = [*run.steps[:place], *steps, *run.steps[place:]]


def _everybody(run: RecallRun, programme: str, rest: list[str]) -> bool:
    """A chunk of the people, worked out from the beginning."""
    chunk = int(rest[0])
    scope = Scope(
        after=run.bounds[chunk - 1] if chunk else "", upto=run.bounds[chunk] if chunk < len(run.bounds) else None
    )
    changed = refresh_standings(protocol_for(programme, run.on), run.on, scope=scope)
    _add(run, {"looked": changed.eligible, "changed": changed.written, "removed": changed.removed})
    return True


def _counted(run: RecallRun, programme: str, rest: list[str]) -> bool:
    """The rules are those of before the first chunk: did they change meanwhile, the next night counts once more."""
    night.note_night(programme, run.on, rules=rest[0])
    return True


def _settle(run: RecallRun, programme: str, _rest: list[str]) -> bool:
    _add(run, settle(run.on, programme=programme))
    return True


def _analyze(_run: RecallRun, _programme: str, _rest: list[str]) -> bool:
    """A programme's rows are new to the planner, which would else look at all of them for each person it plans."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE screening_standing, screening_invitation")
    return True


def _again(run: RecallRun, programme: str, _rest: list[str]) -> bool:
    """A share of the people as on a first night, unless everybody was counted just now."""
    if f"everybody {programme} 0" not in run.steps:
        begun = (name for name in run.programmes if night.has_begun(protocol_for(name, run.on), run.on))
        with_texts = programme == next(begun, "")
        _add(run, look_again(protocol_for(programme, run.on), run.on, with_texts=with_texts))
    return True


def _balance(run: RecallRun, _all: str, _rest: list[str]) -> bool:
    refresh_noted(run.on)
    anew = any(step.startswith("counted ") for step in run.steps)
    protocols = [protocol_for(name, run.on) for name in run.programmes]
    _add(run, {"differences": balance(protocols, run.on, anew=anew)})
    return True


def _add(run: RecallRun, counts: dict[str, int]) -> None:
    for word, count in counts.items():
        run.counts[word] = run.counts.get(word, 0) + count


_STEPS: Final[dict[str, Callable[[RecallRun, str, list[str]], bool]]] = {
    "notes": _notes,
    "standings": _standings,
    "everybody": _everybody,
    "counted": _counted,
    "settle": _settle,
    "analyze": _analyze,
    "again": _again,
    "balance": _balance,
}
_WORK: Final[dict[str, Callable[[str, date], Any]]] = {
    "planned": lambda programme, on: plan(protocol_for(programme, on), on),
    "sent": send,
    "reminded": lambda programme, on: remind(protocol_for(programme, on), on),
    "nonresponders": lambda programme, on: give_up(protocol_for(programme, on), on),
}
_BATCHED: Final = frozenset({"sent", "reminded", "nonresponders"})
