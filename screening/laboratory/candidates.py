"""Whose an unmatched result may be: near matches by number, sample, birth date and name, with the reason for each."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.contrib.postgres.search import TrigramSimilarity
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from healthhub.accounts.actors import Actor
from healthhub.audit.log import record_access
from records.access import visible_to
from records.identity import Identity, identity
from records.models import Citizen
from records.models.citizens import carrying
from records.names import fold
from screening.facts import day_of
from screening.forms.fields import DAY_FORMS
from screening.models import Kit, Order, Specimen

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

SHOWN = 8
NEAR = 0.35  # trigram likeness of folded names; below it nobody would call two names the same


@dataclass(slots=True)
class Candidate:
    """Somebody it may be: ``score`` puts the likeliest first, ``reasons`` say why in words."""

    person: Identity
    score: int
    reasons: "list[_StrPromise]" = field(default_factory=list)


def candidates_for(fields: Mapping[str, str], *, actor: Actor, reason: str) -> list[Candidate]:
    """Among the people whom the actor may see, the likeliest first; the access log names them. Four statements."""
    born = birth_of(fields)
    name = fold(fields.get("full_name", ""))
    numbers = [re.sub(r"[\s.\-]", "", fields.get(key, "")).upper() for key in ("cccd", "insurance_number")]
    of_tube = _of_tube(fields)
    near = Q(pk__in=of_tube)
    if held := [number for number in numbers if number]:
        near |= carrying(held)
    people = visible_to(actor).annotate(alike=TrigramSimilarity("folded_name", name))
    if born:
        near |= Q(birth_date=born)
    if name:
        near |= Q(folded_name=name) | Q(folded_name__trigram_similar=name, alike__gte=NEAR)
    found = list(people.filter(near).order_by("-alike", "pk")[:60]) if near else []
    rated = [_rate(one, held, born, name, of_tube) for one in found]
    best = sorted((one for one in rated if one.score >= 30), key=lambda one: -one.score)[:SHOWN]
    if best:
        record_access(
            actor=actor,
            action="find",
            patients=[one.person.id for one in best],
            resource_type="Patient",
            reason=reason,
        )
    return best


def birth_of(fields: Mapping[str, str]) -> Any:
    """The birth date as a day, however it was written; None if it cannot be read."""
    from datetime import datetime

    text = fields.get("birth_date", "").strip()
    for form in (*DAY_FORMS, "%Y%m%d"):
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007 - a date, not a moment
        except ValueError:
            continue
    return day_of(text)


def _of_tube(fields: Mapping[str, str]) -> set[str]:
    code, order = fields.get("specimen_id", ""), fields.get("order_id", "")
    found: set[str] = set()
    if code:
        found |= set(Specimen.objects.filter(barcode=code).values_list("patient_id", flat=True))
        found |= set(Kit.objects.filter(barcode=code).values_list("patient_id", flat=True))
    if order:
        found |= set(Order.objects.filter(pk=order).values_list("patient_id", flat=True))
    return found


def _rate(person: Citizen, numbers: list[str], born: Any, name: str, of_tube: set[str]) -> Candidate:
    found = Candidate(identity(person, with_area=False), 0)
    alike = getattr(person, "alike", 0) if name else 0
    own = {person.cccd, person.insurance_number, person.insurance_number[-10:]} - {""}
    for holds, score, words in (
        (bool({*numbers, *(number[-10:] for number in numbers)} & own), 60, _("trùng số định danh")),
        (person.pk in of_tube, 50, _("trùng mã mẫu hoặc phiếu chỉ định")),
        (born is not None and person.birth_date == born, 30, _("cùng ngày sinh")),
        (bool(name) and person.folded_name == name, 30, _("cùng tên")),
        (bool(name) and person.folded_name != name and alike >= NEAR, int(alike * 25), _("tên gần giống")),
    ):
        if holds:
            found.score += score
            found.reasons.append(words)
    return found
