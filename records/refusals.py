"""Pages that somebody may not open, in the access log."""

from collections.abc import Mapping
from typing import Any

from django.http import Http404, HttpRequest

from healthhub.accounts.actors import Actor
from healthhub.audit.log import record_access
from healthhub.postgresql.wall import unwalled
from records.models import Citizen

_LONGEST = 200


@unwalled()
def log_refusal(error: Exception, request: HttpRequest, *, actor: Actor, asked: Mapping[str, Any]) -> None:
    """A line for a page that was refused, or for a thing that is not there for this actor.

    ``asked`` is what the address names (``patient_id`` for a person). A page that is missing altogether names nothing,
    and is nobody's. Only somebody in the register is named as the one it was about; both answers cost one look there.
    """
    if isinstance(error, Http404) and not asked:
        return
    patient = str(asked.get("patient_id", ""))
    known = "\x00" not in patient and Citizen.objects.filter(pk=patient).exists()
    path = request.path[:_LONGEST].replace("\x00", "\N{REPLACEMENT CHARACTER}")  # what the database takes
    record_access(actor=actor, action="refused", patients=[patient if known else None], reason=path)
