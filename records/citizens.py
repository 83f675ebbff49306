"""Finding people by name (with or without diacritics), number or birth date, among those the actor may see."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Case, CharField, F, Q, QuerySet, Value, When
from django.db.models.functions import Collate, Concat

from fhir.ids import is_id
from healthhub.accounts.actors import Actor
from healthhub.audit.log import record_access
from healthhub.postgresql.wall import unwalled
from records.access import visible_to
from records.identifiers import Malformed, parse_phone
from records.models import BirthPrecision, Citizen
from records.models.citizens import carrying
from records.names import fold, syllable_key
from records.registration import Registration, RegistrationError, register_citizen, register_many

__all__ = [
    "Found",
    "Registration",
    "RegistrationError",
    "find",
    "find_numbered",
    "find_presented",
    "register_citizen",
    "register_many",
]

_NUMBER = re.compile(r"\+?[0-9]{9,15}|[A-Za-z]{2}[1-5][0-9]{12}")
_DATES = ("%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y", "%Y-%m-%d")


@dataclass(frozen=True, slots=True)
class Found:
    """One page of people; `after` continues it, None at the end."""

    citizens: list[Citizen]
    after: str | None


def find(query: str, *, actor: Actor, limit: int = 20, after: str | None = None) -> Found:
    """People whom the actor may see and who match, in Vietnamese order; area, district and facility come with them.

    A number alone is a CCCD, health-insurance or telephone number and must match whole. Otherwise every word must
    match: a date is the birth date, four digits the year of birth, anything else the beginning of a part of the name.
    Names written exactly as typed, diacritics included, come first. An empty query finds nobody. `after` is
    `Found.after` of the page before. One statement, and one for the access log.
    """
    people = _matching(query, visible_to(actor))
    if after is not None and is_id(after):
        people = people.filter(place__gt=people.filter(pk=after).values("place")[:1])
    citizens = list(people.order_by("place").select_related("area__parent", "facility")[: limit + 1])
    page = citizens[:limit]
    found = [citizen.patient_id for citizen in page] or [None]  # that somebody looked for people and found none, too
    record_access(actor=actor, action="find", patients=found, resource_type="Patient")
    return Found(page, page[-1].patient_id if len(citizens) > limit else None)


@unwalled()
def find_presented(*, number: str, birth_date: date) -> Citizen | None:
    """Whoever carries this CCCD or health-insurance number and was born on that day, for a person at the desk.

    For identification only, whoever asks: show the name and nothing else, then register her, which is what gives the
    facility access and writes the log. None without a match, or when two different people match.
    """
    value = re.sub(r"[\s.\-]", "", number).upper()
    people = Citizen.objects.filter(
        carrying([value]),
        active=True,
        birth_date=birth_date,
        birth_precision=BirthPrecision.DAY,
    )
    found = list(people.only("full_name", "folded_name", "birth_date", "sex").order_by("patient_id")) if value else []
    return found[0] if len({one.folded_name for one in found}) == 1 else None


@unwalled()
def find_numbered(number: str) -> Citizen | None:
    """Whoever carries exactly this CCCD or health-insurance number, for an emergency; None if nobody or two people do.

    For opening her record with a reason, which is logged: show nothing of her before.
    """
    value = re.sub(r"[\s.\-]", "", number).upper()
    found = list(Citizen.objects.filter(carrying([value]), active=True).only("pk")[:2]) if value else []
    return found[0] if len(found) == 1 else None


def _matching(query: str, people: QuerySet[Citizen]) -> QuerySet[Any]:
    """The matching people with `place`, the text that puts them in order."""
    number = re.sub(r"[\s.\-()]", "", query)
    if _NUMBER.fullmatch(number):
        value = number.upper()
        return _placed(people.filter(carrying([value]) | Q(phone=_phone(number))), words=())
    words = query.split()
    names: list[str] = []
    for word in words:
        born = _birth(word)
        if born:
            people = people.filter(born)
        elif part := fold(word):
            names.append(word)
            people = people.filter(Q(folded_name__startswith=part) | Q(folded_name__contains=f" {part}"))
    return _placed(people if words else people.none(), words=names)


def _placed(people: QuerySet[Citizen], *, words: Sequence[str]) -> QuerySet[Any]:
    exact = Q()
    for word in words:
        exact &= Q(syllables__contains=f" {syllable_key(word)} ")
    rank = Case(When(exact, then=Value("0")), default=Value("1")) if words else Value("0")
    # \x01 sorts before everything in a sort key, so that a shorter name comes before a longer one.
    place = Concat(rank, F("sort_key"), Value("\x01"), F("patient_id"), output_field=CharField())
    return people.alias(syllables=Concat(Value(" "), F("sort_key"), Value(" "))).annotate(place=Collate(place, "C"))


def _birth(word: str) -> Q | None:
    for form in _DATES:
        try:
            return Q(birth_date=datetime.strptime(word, form).date())  # noqa: DTZ007 - a date, not a moment
        except ValueError:
            continue
    return Q(birth_date__year=int(word)) if re.fullmatch(r"(18|19|20)[0-9]{2}", word) else None


def _phone(number: str) -> str:
    try:
        return parse_phone(number).value
    except Malformed:
        return number
