"""The night before the demo's present day: who is due was worked out, some were invited, and nobody was found lost."""

from datetime import date

from screening.demo.places import Site
from screening.failsafe.nightly import run_nightly
from screening.messages.letters import gather, print_batch
from screening.recall.run import carry_on, start_run


def last_night(today: date, *, clinic: Site) -> None:
    """One run of call and recall with its letters for the demo clinic, and one of the failsafe."""
    carry_on(start_run(today))
    for batch in gather(facility=clinic.id, everybody=False):
        print_batch(batch)
    run_nightly(today)
