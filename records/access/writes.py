"""What an actor may write, change and delete."""

from collections.abc import Callable, Iterator, Sequence, Set

from django.db import connection
from django.db.models import F, Q

from fhir.access import Write
from fhir.outcomes import Issue
from healthhub.accounts.actors import Actor
from healthhub.postgresql.prepared import execute_prepared
from records.access.rows import CARED_FOR
from records.access.table import TYPES, Action, What, Whose, grants_of
from records.models import Facility
from records.naming import named_facilities
from records.reading import facility_code

_KNOWN_PEOPLE = f"SELECT p.id FROM unnest(%s::text[]) AS p(id) WHERE {CARED_FOR.format(person='p.id')}"

Share = Callable[[Set[str], str], Set[str]]
_shared: dict[str, Share] = {}


def share_writing(type_: str, fn: Share) -> None:
    """Let facilities change resources of a type that others wrote: ``fn(ids, facility)`` answers which ones it may."""
    _shared[type_] = fn


def check_writes(writes: Sequence[Write], *, actor: Actor, presented: frozenset[str]) -> list[Issue]:
    """Why the actor may not write these; empty if all are allowed. Two queries, whatever the number of writes.

    Care writes about people it may read, who present themselves now or whose Patient comes in the same batch; it
    changes and deletes only what its own facility wrote, or shares (`share_writing`); it speaks in the name of no
    other registered facility.
    """
    if actor.is_system:
        return []
    types = _types(actor)
    beyond = [write for write in writes if types is not None and write.type not in types]
    if beyond or not actor.facility:
        return [_forbidden(write.expression, "You may not write health records.") for write in beyond or writes]
    return [
        *_not_own(writes, facility=actor.facility),
        *_about_strangers(writes, facility=actor.facility, presented=presented),
        *_in_others_name(writes, facility=actor.facility),
    ]


def _types(actor: Actor) -> frozenset[str] | None:
    """Of which types the actor may write, for people whom her facility cares for; None for all."""
    allowed: frozenset[str] = frozenset()
    for grant in grants_of(actor.role):
        if Action.WRITE in grant.actions and grant.whose is Whose.CARED_FOR:
            if grant.what is What.RECORD:
                return None
            allowed |= TYPES[grant.what]
    return allowed


def _not_own(writes: Sequence[Write], *, facility: str) -> Iterator[Issue]:
    others = [write for write in writes if write.exists and write.owner != facility]
    shared = {
        (type_, name)
        for type_ in {write.type for write in others} & _shared.keys()
        for name in _shared[type_]({write.id for write in others if write.type == type_}, facility)
    }
    for write in writes:
        if write.facility != facility:
            yield _forbidden(write.expression, "You may only write for your own facility.")
        elif write.exists and write.owner != facility and (write.type, write.id) not in shared:
            yield _forbidden(
                write.expression, f"{write.type}/{write.id} is another facility's, which alone may change it."
            )


def _about_strangers(writes: Sequence[Write], *, facility: str, presented: frozenset[str]) -> Iterator[Issue]:
    """A person unknown here and one who does not exist get the same answer, which tells nobody who has a record.

    That also holds for ids nobody has yet: writing about one ahead of time would make its later owner readable.
    """
    asked = {person for write in writes for person in (write.patient, write.previous_patient) if person} - presented
    known: set[str] = set()
    if asked:
        with connection.cursor() as cursor:
            execute_prepared(cursor, _KNOWN_PEOPLE, [sorted(asked), facility, facility])
            known = {person for (person,) in cursor.fetchall()}
    for write in writes:
        strangers = {write.patient, write.previous_patient} & (asked - known)
        sent = {write.patient} if write.resource is not None else set()
        if strangers - sent:  # of what is stored the answer tells nothing, not even whom it is about
            yield _forbidden(write.expression, "It is about a person whom your facility does not care for.")
        for person in strangers & sent:
            yield _forbidden(
                write.expression,
                f"Patient/{person} is not a person your facility cares for. Register her with her identifier and birth "
                "date first (create Patient with If-None-Exist), or ask for her consent.",
            )


def _in_others_name(writes: Sequence[Write], *, facility: str) -> Iterator[Issue]:
    named = [(write, name) for write in writes if write.resource for name in named_facilities(write.resource)]
    if named:
        registered = set(
            Facility.objects.filter(
                Q(pk__in={name.organization for _, name in named}) | Q(code__in={name.code for _, name in named}),
                ~Q(pk=facility),
                code__isnull=False,
            ).values_list(F("organization_id"), F("code"))
        )
        others = {key for pair in registered for key in pair}
        for write, name in named:
            if name.organization in others or name.code in others:
                yield _forbidden(_below(write, name.path), "You may not write in the name of another facility.")
    for write in writes:
        if write.type == "Organization" and write.resource and facility_code(write.resource):
            yield _forbidden(
                _below(write, "identifier"), "Facility codes are given by the health department; leave the code out."
            )


def _below(write: Write, path: str) -> str:
    return f"{write.expression}.{path}"


def _forbidden(expression: str, diagnostics: str) -> Issue:
    return Issue("error", "forbidden", expression, diagnostics)
