"""A citizen's whole record for a page, and who has looked at it."""

import json
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.utils.translation import gettext_lazy as _

from healthhub.accounts.actors import Actor
from healthhub.audit.log import record_access
from records.access import RecordPolicy, opened_to, visible_to
from records.display import Entry, is_error, read_entry
from records.models import Citizen

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

NEWEST = 50

GROUPS: Final["tuple[tuple[str, _StrPromise, tuple[str, ...]], ...]"] = (
    ("conditions", _("Bệnh và chẩn đoán"), ("Condition",)),
    ("allergies", _("Dị ứng"), ("AllergyIntolerance",)),
    ("medication", _("Thuốc"), ("MedicationRequest", "MedicationStatement")),
    ("immunizations", _("Tiêm chủng"), ("Immunization",)),
    ("procedures", _("Thủ thuật và phẫu thuật"), ("Procedure",)),
    ("encounters", _("Lượt khám"), ("Encounter",)),
    ("reports", _("Phiếu kết quả"), ("DiagnosticReport", "DocumentReference")),
    ("observations", _("Kết quả đo và xét nghiệm khác"), ("Observation",)),
    ("referrals", _("Chỉ định và chuyển tuyến"), ("ServiceRequest", "CarePlan")),
    ("family", _("Tiền sử gia đình"), ("FamilyMemberHistory",)),
)

_GROUP_OF: Final = {name: key for key, _title, types in GROUPS for name in types}

# The newest of each type by one index scan a type; what the actor may not read is never fetched.
_RECORD = """
SELECT t.type, r.content, r.author, f.name
FROM unnest(%s::text[]) AS t(type) CROSS JOIN LATERAL (
    SELECT r.id, r.content, r.author, r.facility, r.starts FROM fhir_resource r
    WHERE r.type = t.type AND r.patient = %s AND NOT r.deleted AND (r.code IS NULL OR r.code <> ALL(%s)) AND {may_read}
    ORDER BY r.starts DESC NULLS LAST, r.id DESC LIMIT %s
) r LEFT JOIN records_facility f ON f.organization_id = r.facility ORDER BY r.starts DESC NULLS LAST, r.id DESC
"""
_LOOKED = """
SELECT (e.at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date AS day, e.actor, max(e.actor_name), max(e.role),
    coalesce(max(f.name), ''), array_agg(DISTINCT e.action), max(e.at), count(*),
    bool_or(starts_with(e.reason, 'emergency:'))
FROM audit_accessentry e LEFT JOIN records_facility f ON f.organization_id = e.facility
WHERE e.patient = %s GROUP BY day, e.actor ORDER BY max(e.at) DESC LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class Group:
    """Lines of one kind, newest first; `more` if older ones are left out."""

    key: str
    title: "_StrPromise"
    entries: list[Entry]
    more: bool


@dataclass(frozen=True, slots=True)
class Profile:
    """Who somebody is and what her record holds; groups without entries are left out."""

    citizen: Citizen
    groups: list[Group]


@dataclass(frozen=True, slots=True)
class Look:
    """One person or machine that dealt with a record on one day: how often, and in which ways (`actions`)."""

    day: date
    actor: str
    name: str
    role: str
    facility: str
    actions: list[str]
    last_at: datetime
    times: int
    emergency: bool


def profile(patient_id: str, *, actor: Actor, without_codes: Collection[str] = (), reason: str = "") -> Profile:
    """The record of one person as the actor may see it, about `NEWEST` entries of each type. Logs the access.

    `without_codes` are main codes (`system|code`) that the page shows elsewhere, such as screening results. Raises
    PermissionDenied for people the actor may not see and for those who do not exist alike. Four statements.
    """
    citizen = opened_to(actor).select_related("area__parent", "facility").filter(pk=patient_id).first()
    if citizen is None:
        raise PermissionDenied
    record_access(actor=actor, action="view", patients=[patient_id], resource_type="Patient", reason=reason)
    may_read = RecordPolicy().readable(actor)
    with connection.cursor() as cursor:
        cursor.execute(
            _RECORD.format(may_read=may_read.sql),
            [list(_GROUP_OF), patient_id, list(without_codes), *may_read.params, NEWEST + 1],
        )
        rows = cursor.fetchall()
    authors = author_names({author for _type, _content, author, _facility in rows})
    counts = Counter(type_ for type_, *_ in rows)
    by_group: dict[str, list[Entry]] = {key: [] for key, _title, _types in GROUPS}
    for type_, content, author, facility in rows:
        resource: dict[str, Any] = json.loads(content, parse_float=Decimal)
        if not is_error(resource):
            line = read_entry(resource, facility=facility or "", author=authors.get(author, ""))
            by_group[_GROUP_OF[type_]].append(line)
    groups = [
        Group(key, title, by_group[key], more=any(counts[name] > NEWEST for name in types))
        for key, title, types in GROUPS
        if by_group[key]
    ]
    return Profile(citizen, groups)


def who_looked(patient_id: str, *, actor: Actor, limit: int = 100) -> list[Look]:
    """Who dealt with this record, by day and person, newest first. Raises PermissionDenied as `profile` does."""
    if not visible_to(actor).filter(pk=patient_id).exists():
        raise PermissionDenied
    with connection.cursor() as cursor:
        cursor.execute(_LOOKED, [patient_id, limit])
        return [Look(*row) for row in cursor.fetchall()]


def author_names(authors: set[str]) -> dict[str, str]:
    """The names of signed-in authors by actor id; software has none of its own, its facility is named."""
    ids = [int(author.removeprefix("user:")) for author in authors if author.startswith("user:")]
    users = get_user_model().objects.filter(pk__in=ids) if ids else ()
    return {f"user:{user.pk}": user.name or user.email for user in users}
