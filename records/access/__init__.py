"""The one place that decides who may see or write whose record. What is not allowed here is forbidden.

Reading. HealthHub itself: everything. Care (clinician, laboratory, a clinic's software): people whom the actor's
facility has written about, who presented themselves there or who consented. A citizen: her own record, except what is
held back (`withhold_from_citizens`). Officers and analysts: nobody's. All these: the directory (facilities, health
workers, definitions), which is about no patient. A resource of another type that names no patient is not thereby
public: only its writer's facility reads it. The other roles: nothing.

Writing. HealthHub itself and care only, and care for its own facility only: see `check_writes`.
"""

from records.access.people import can_see, visible_ids, visible_to
from records.access.policy import RecordPolicy
from records.access.relations import called_by, handed_to, no_longer_handed, presented_at
from records.access.rows import withhold_from_citizens
from records.access.rule import CARE
from records.access.writes import share_writing

__all__ = [
    "CARE",
    "RecordPolicy",
    "called_by",
    "can_see",
    "handed_to",
    "no_longer_handed",
    "presented_at",
    "share_writing",
    "visible_ids",
    "visible_to",
    "withhold_from_citizens",
]
