"""The one place that decides who may see or write whose record. What is not allowed here is forbidden.

`table` says which role may do what with which kind of thing, and about whom; docs/access.md is written from it. `may`
decides about one thing; `visible_to` are the people whom an actor may find, `RecordPolicy.readable` the stored rows
that she may read; `check_writes` what may be stored. A resource that names no patient and is not of the directory is
not thereby public: only its writer's facility reads it. Citizens read their own less what is held back
(`withhold_from_citizens`).
"""

from records.access.people import about_visible, can_open, can_see, opened_to, visible_to
from records.access.policy import RecordPolicy
from records.access.relations import called_by, handed_to, no_longer_handed, presented_at
from records.access.rows import withhold_from_citizens
from records.access.rule import BOOKS, CARE, OPENS, REGISTERS, REVIEWS, Decision, Thing, may
from records.access.table import Action, What, Whose, roles_with
from records.access.writes import share_writing

__all__ = [
    "BOOKS",
    "CARE",
    "OPENS",
    "REGISTERS",
    "REVIEWS",
    "Action",
    "Decision",
    "RecordPolicy",
    "Thing",
    "What",
    "Whose",
    "about_visible",
    "called_by",
    "can_open",
    "can_see",
    "handed_to",
    "may",
    "no_longer_handed",
    "opened_to",
    "presented_at",
    "roles_with",
    "share_writing",
    "visible_to",
    "withhold_from_citizens",
]
