"""When a result or a finding says something else than it said, everyone who acted on the old one is told, and says
that they saw it.

Told are the facilities that wrote something because of it (a referral, an assessment, an appointment, a conversation),
those that were asked for the assessment, took a later step, closed one or handed it over, the one that ordered the test
or asked for the examination, and the citizen if she could read it. A notice never says what the result was or is.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from fhir.hooks import Change, on_saved
from healthhub.accounts.actors import Actor, Role
from screening.facts import PRELIMINARY, WITHDRAWN_STATUS, Fact, read_fact
from screening.models import Notice
from screening.protocol import protocol_for
from screening.protocol.events import ASSESSED, RESULT
from screening.protocol.shapes import AFTER_CONTACT

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

#: text -> (for a facility, for the citizen)
TEXTS: Final["dict[str, tuple[_StrPromise, _StrPromise]]"] = {
    "corrected": (
        _("Một kết quả mà cơ sở bạn đã dựa vào nay được đính chính. Hãy mở hồ sơ và xem bước tiếp theo có còn đúng."),
        _("Một kết quả của bạn đã được đính chính. Hãy xem lại kết quả."),
    ),
    "withdrawn": (
        _("Một kết quả mà cơ sở bạn đã dựa vào nay được rút lại. Hãy mở hồ sơ và xem bước tiếp theo có còn đúng."),
        _("Một kết quả của bạn đã được rút lại vì ghi nhầm. Cơ sở y tế sẽ liên hệ nếu cần làm lại."),
    ),
    "moved": (
        _("Một kết quả mà cơ sở bạn đã dựa vào là của người khác. Hãy mở hồ sơ và xem bước tiếp theo có còn đúng."),
        _("Một kết quả đã ghi nhầm vào hồ sơ của bạn và nay được rút lại."),
    ),
    "step_corrected": (
        _("Một kết luận mà cơ sở bạn đã dựa vào nay được đính chính. Hãy mở hồ sơ và xem bước tiếp theo có còn đúng."),
        _("Một kết luận khám của bạn đã được đính chính. Hãy hỏi nơi khám nếu cần giải thích."),
    ),
    "step_withdrawn": (
        _("Một kết luận mà cơ sở bạn đã dựa vào nay được rút lại. Hãy mở hồ sơ và xem bước tiếp theo có còn đúng."),
        _("Một kết luận khám của bạn đã được rút lại vì ghi nhầm. Cơ sở y tế sẽ liên hệ nếu cần làm lại."),
    ),
    "step_moved": (
        _("Một kết luận mà cơ sở bạn đã dựa vào là của người khác. Hãy mở hồ sơ và xem bước tiếp theo có còn đúng."),
        _("Một kết luận khám đã ghi nhầm vào hồ sơ của bạn và nay được rút lại."),
    ),
}
UNDO_SECONDS: Final = 120  # what is taken back so soon by the same hand, with nothing done about it, is an undo

# Who wrote something of this person that names it; who ordered the test; who was asked for a step, took, closed or
# handed one over since, and who had asked for this very examination; who expects her for an examination.
_ACTED = """
WITH k AS (SELECT * FROM unnest(%s::text[], %s::text[], %s::text[]) AS k(type, id, patient)),
s AS (
  SELECT DISTINCT k.type, k.id, k.patient, s.programme, s.fact, s.occurred_on, s.data->>'assessment' AS assessment
  FROM k JOIN screening_episodeevent s
    ON s.source_id = k.id AND s.source_type = k.type AND s.patient_id = k.patient AND s.fact IN ('result', 'assessed')
)
SELECT k.type, k.id, r.facility FROM k
JOIN fhir_resource r ON r.patient = k.patient AND r.facility IS NOT NULL AND NOT r.deleted
  AND r.type IN ('ServiceRequest', 'Procedure', 'Appointment', 'Communication', 'DiagnosticReport')
  AND position('"' || k.type || '/' || k.id || '"' IN r.content) > 0
UNION
SELECT k.type, k.id, o.facility_id FROM k
JOIN screening_order o ON o.patient_id = k.patient AND o.result_id = k.id AND o.facility_id IS NOT NULL
WHERE k.type = 'Observation'
UNION
SELECT s.type, s.id, f.organization_id FROM s
JOIN screening_episodeevent e ON e.patient_id = s.patient AND e.programme = s.programme
  AND e.kind <> 'withdrawn' AND (e.source_type, e.source_id) <> (s.type, s.id)
  AND (e.fact IN ('referred', 'assessed', 'closed', 'handed') AND e.occurred_on >= s.occurred_on
    OR e.fact = 'referred' AND s.fact = 'assessed' AND e.data->>'assessment' = s.assessment)
JOIN records_facility f ON f.organization_id = e.data->>'facility'
  OR f.organization_id = e.data->>'to' AND e.data->>'assessment' IS DISTINCT FROM s.assessment
UNION
SELECT s.type, s.id, a.facility_id FROM s
JOIN screening_appointment a ON a.patient_id = s.patient AND a.programme = s.programme AND a.kind = 'assessment'
  AND a.status IN ('proposed', 'pending', 'booked', 'waitlist')
"""
_FIRST = """
SELECT v.type, v.id, v.author, v.last_updated FROM unnest(%s::text[], %s::text[]) AS k(type, id)
JOIN fhir_resourceversion v ON v.type = k.type AND v.id = k.id AND v.version = 1
"""


@on_saved("Observation", "Procedure", "DiagnosticReport")
def tell(changes: Sequence[Change], *, actor: Actor) -> None:
    """Make the notices of this batch of corrections; runs before the orders learn of them."""
    told = [(change, text) for change in changes if (text := _what(change))]
    if not told:
        return
    types, ids = [change.type for change, _ in told], [change.id for change, _ in told]
    people = [_person(change.previous or {}) for change, _ in told]
    acted: dict[tuple[str, str], set[str]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_ACTED, [types, ids, people])
        for kind, name, facility in cursor.fetchall():
            acted.setdefault((kind, name), set()).add(facility)
        cursor.execute(_FIRST, [types, ids])
        first = {(kind, name): (author, at) for kind, name, author, at in cursor.fetchall()}
    now = timezone.now()
    rows = []
    for (change, text), person in zip(told, people, strict=True):
        facilities = acted.get((change.type, change.id), set())
        author, at = first.get((change.type, change.id), ("", now))
        undone = change.version == 2 and author == actor.id and (now - at).total_seconds() < UNDO_SECONDS
        if text in ("withdrawn", "step_withdrawn") and undone and not facilities - {actor.facility}:
            continue
        patients = [None] if _was_shown(change, told=bool(facilities)) else []
        rows += [
            Notice(
                facility_id=who,
                patient_id=person,
                source_type=change.type,
                source_id=change.id,
                version=change.version,
                text=text,
                made_at=now,
            )
            for who in (*sorted(facilities), *patients)
        ]
    Notice.objects.bulk_create(rows, ignore_conflicts=True)


def open_notices(facility: str) -> QuerySet[Notice]:
    """What a facility has not acknowledged, the oldest first."""
    found = Notice.objects.filter(facility=facility, read_at__isnull=True)
    return found.select_related("patient").order_by("made_at", "pk")


def open_notice_count(facility: str) -> int:
    """How many corrections the facility has not acknowledged; the worklist shows it."""
    return Notice.objects.filter(facility=facility, read_at__isnull=True).count()


def notices_for(patient: str) -> QuerySet[Notice]:
    """What a citizen has not acknowledged."""
    found = Notice.objects.filter(patient=patient, facility__isnull=True, read_at__isnull=True)
    return found.order_by("made_at", "pk")


def acknowledge(*, notice: Notice, actor: Actor) -> None:
    """Remember who saw it, and when; the first one counts."""
    Notice.objects.filter(pk=notice.pk, read_at__isnull=True).update(read_at=timezone.now(), read_by=actor.id)


def text_of(notice: Notice, role: Role) -> "_StrPromise":
    """The sentence for staff or for the citizen."""
    staff, citizen = TEXTS[notice.text]
    return citizen if role is Role.CITIZEN else staff


def _what(change: Change) -> str:
    """How a result or finding that stood before has changed what it means; "" if it has not."""
    old = change.previous
    before = read_fact(old, facility=change.facility) if old is not None else None
    if old is None or before is None or before.fact not in (RESULT, ASSESSED):
        return ""
    of = "" if before.fact == RESULT else "step_"
    new = change.resource
    if new is None or new.get("status") in WITHDRAWN_STATUS:
        return f"{of}withdrawn"
    if (old.get("subject") or {}).get("reference") != (new.get("subject") or {}).get("reference"):
        return f"{of}moved"
    if old.get("status") == PRELIMINARY:
        return ""
    after = read_fact(new, facility=change.facility)
    if after is None or after.fact != before.fact:
        return f"{of}withdrawn"
    return f"{of}corrected" if _meaning(before) != _meaning(after) else ""


def _meaning(fact: Fact) -> tuple[Any, ...]:
    """What a person would do something else for."""
    if fact.result is not None:
        return tuple(fact.result[name] for name in ("test", "category", "outcome", "value", "unit", "collected_on"))
    said = fact.data
    return fact.programme, said["assessment"], said["finding"], said.get("tnm"), fact.occurred_on


def _was_shown(change: Change, *, told: bool) -> bool:
    """Whether the person could read the old version: at once, or by now, or because somebody has talked to her.

    A finding is never held back by itself: who has been examined may read what led to it.
    """
    old = change.previous or {}
    fact = read_fact(old, facility=change.facility)
    if fact is None or old.get("status") == PRELIMINARY:
        return False
    if fact.result is None:
        return True
    category = protocol_for(fact.programme, fact.occurred_on).category(fact.data["test"], fact.data["category"])
    if category is None or category.release != AFTER_CONTACT or told:
        return True
    since = max(fact.result["resulted_on"] or fact.occurred_on, fact.occurred_on)
    return since + timedelta(days=category.hold_days) <= timezone.localdate()


def _person(observation: Mapping[str, Any]) -> str:
    reference = (observation.get("subject") or {}).get("reference") or ""
    return str(reference).partition("/")[2]
