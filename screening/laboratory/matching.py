"""The queue of results that match no person or no order. Nothing in it is ever dropped: matched, or rejected with a
coded reason, by two people unless it is plainly negative; and it is somebody's work, with an age, until then."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final

import orjson
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from fhir.outcomes import refuse
from healthhub.accounts.actors import Actor
from records.models import Facility
from screening.models import UnmatchedResult, UnmatchedState
from screening.protocol import NotInterpretable, interpret
from screening.results import enter_result, said_test

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

#: What may be known of a parked result; all are texts, dates as yyyy-mm-dd or as they were written.
FIELDS: Final = (
    *("full_name", "birth_date", "sex", "cccd", "insurance_number", "phone"),
    *("specimen_id", "order_id", "test", "value", "unit", "kit", "cutoff", "cutoff_unit"),
    *("collected_on", "resulted_on", "note", "density"),
)
SOURCES: Final["dict[str, _StrPromise | str]"] = {
    "file": _("Tệp kết quả"),
    "hl7v2": "HL7 v2",
    "astm": _("Máy xét nghiệm (ASTM)"),
    "xml4": _("XML4 bảo hiểm y tế"),
    "fhir": "FHIR",
    "bench": _("Bàn nhập kết quả"),
}
REASONS: Final["dict[str, _StrPromise]"] = {
    "person_unknown": _("Không tìm thấy người này"),
    "person_ambiguous": _("Có nhiều người có thể là người này"),
    "person_differs": _("Tên hoặc ngày sinh không khớp với số định danh"),
    "specimen_unknown": _("Mã mẫu chưa từng được ghi nhận"),
    "order_unknown": _("Không có phiếu chỉ định"),
    "test_unknown": _("Không nhận ra xét nghiệm"),
    "value_unreadable": _("Không đọc được kết quả"),
    "flag_differs": _("Máy báo bất thường nhưng đọc theo quy trình là âm tính"),
    "cutoff_differs": _("Đọc theo ngưỡng của nơi gửi thì khác với đọc theo ngưỡng của quy trình"),
    "withdrawn_before": _("Kết quả y hệt đã được rút lại trước đây"),
    "other": _("Lý do khác"),
}
SENT_AGAIN: Final = "sent_again"
REJECTIONS: Final["dict[str, _StrPromise]"] = {
    "control": _("Mẫu kiểm chuẩn, không phải của người bệnh"),
    "not_ours": _("Không phải kết quả của cơ sở này"),
    "entered_already": _("Kết quả này đã được nhập"),
    SENT_AGAIN: _("Nơi gửi sẽ gửi lại bản đúng"),
    "not_screening": _("Không phải xét nghiệm sàng lọc"),
    "unreadable": _("Không thể biết là của ai, đã hỏi nơi gửi"),
}
LATE: Final = timedelta(days=2)  # after that an open one is an alarm


@dataclass(frozen=True, slots=True)
class Queue:
    """How many results wait at a facility, and since when the oldest does."""

    count: int
    oldest: timedelta | None

    @property
    def late(self) -> bool:
        """Whether the oldest has waited too long."""
        return self.oldest is not None and self.oldest > LATE


@dataclass(frozen=True, slots=True)
class Parking:
    """A result that cannot be given to a person or an order.

    ``payload`` is what arrived (a row, a message, as text); ``fields`` what was understood, by the names of FIELDS;
    ``reason`` is a key of REASONS, ``source`` of SOURCES. Raises ValueError for an unknown name, reason or source.
    """

    payload: str
    fields: Mapping[str, Any]
    reason: str
    source: str
    facility: Facility

    def __post_init__(self) -> None:
        unknown = [name for name in self.fields if name not in FIELDS]
        if unknown or self.reason not in REASONS or self.source not in SOURCES:
            wrong = unknown or (self.reason if self.reason not in REASONS else self.source)
            raise ValueError(f"The matching queue knows no {wrong!r}.")

    def row(self, actor: Actor, now: datetime) -> UnmatchedResult:
        """As the queue keeps it; not saved."""
        kept = {name: _text(self.fields[name]) for name in FIELDS if self.fields.get(name) not in (None, "")}
        payload = self.payload.replace("\x00", "")
        return UnmatchedResult(
            facility=self.facility,
            digest=hashlib.sha256(orjson.dumps([self.source, payload, sorted(kept.items())])).hexdigest(),
            source=self.source,
            payload=payload,
            fields=kept,
            reason=self.reason,
            parked_at=now,
            parked_by=actor.id,
        )


def park_result(*, actor: Actor, **told: Any) -> UnmatchedResult:
    """Keep one result, until somebody at the facility decides; ``told`` is what ``Parking`` takes."""
    return park_results([Parking(**told)], actor=actor)[0]


def park_results(parkings: Sequence[Parking], *, actor: Actor) -> list[UnmatchedResult]:
    """Keep results until somebody at the facility decides; three statements, whatever their number.

    The same thing parked twice is one row, whatever has become of it meanwhile; only one rejected because it would be
    sent again is open again. Joins the caller's transaction.
    """
    now = timezone.now()
    rows = [parking.row(actor, now) for parking in parkings]
    UnmatchedResult.objects.bulk_create(rows, ignore_conflicts=True)
    there = UnmatchedResult.objects.filter(
        facility__in={row.facility_id for row in rows}, digest__in={row.digest for row in rows}
    )
    again = [row.pk for row in there if row.rejected_as == SENT_AGAIN]  # that is what has just happened
    if again:
        there.filter(pk__in=again).update(
            state=UnmatchedState.OPEN,
            rejected_as="",
            note="",
            settled_at=None,
            settled_by="",
            asked_by="",
            asked_name="",
        )
    kept = {(row.facility_id, row.digest): row for row in (there.all() if again else there)}
    return [kept[row.facility_id, row.digest] for row in rows]


def unmatched(facility: str) -> QuerySet[UnmatchedResult]:
    """The open ones of a facility (an Organization's id), oldest first."""
    found = UnmatchedResult.objects.filter(facility=facility, state=UnmatchedState.OPEN)
    return found.order_by("parked_at", "pk")


def unmatched_count(facility: str) -> int:
    """How many results wait for a person or an order."""
    return unmatched(facility).count()


def queue_of(facility: str) -> Queue:
    """The queue's size and age, in one statement."""
    since = list(unmatched(facility).values_list("parked_at", flat=True))
    return Queue(len(since), timezone.now() - since[0] if since else None)


def match_result(
    *, unmatched: UnmatchedResult, patient_id: str, facility: Facility, actor: Actor, fields: Mapping[str, Any]
) -> str:
    """Save the result as this person's and settle the row, both or neither; the Observation's id.

    ``fields`` are those of ``results.build_result`` about the result, as they were shown to whoever matched it. The
    caller has checked that the actor may see the person. Refused: 409 if somebody else has settled it meanwhile, and
    whatever the store refuses. NotInterpretable.
    """
    with transaction.atomic():
        row = _open(unmatched)
        saved = enter_result(facility=facility, actor=actor, patient_id=patient_id, **fields)
        row.state, row.observation_id = UnmatchedState.MATCHED, saved.id
        _settle(row, actor)
    return saved.id


def needs_second_person(unmatched: UnmatchedResult) -> bool:
    """Whether one person alone may not call it nobody's: a positive may hide in whatever is not plainly negative."""
    said = unmatched.fields.get
    test = said_test(said("test", ""))
    if test is None or unmatched.reason in ("flag_differs", "cutoff_differs"):
        return True
    try:
        found = interpret(
            test,
            word=said("value", ""),
            unit=said("unit", ""),
            kit=said("kit", ""),
            cutoff=Decimal(said("cutoff")) if said("cutoff") else None,
            cutoff_unit=said("cutoff_unit", ""),
        )
    except (NotInterpretable, InvalidOperation):
        return True
    return found.outcome != "negative"


def reject_result(*, unmatched: UnmatchedResult, rejected_as: str, actor: Actor, note: str = "") -> bool:
    """Settle a row as nobody's, with a key of REJECTIONS; or, if it takes two, ask for it: then it stays in the queue
    and the answer is False until another person rejects it too.

    Refused: 422 for another reason, 409 if it is settled.
    """
    if rejected_as not in REJECTIONS:
        raise refuse(422, "code-invalid", f"Reason {rejected_as!r} is none of {', '.join(REJECTIONS)}.", "reason")
    with transaction.atomic():
        row = _open(unmatched)
        row.rejected_as, row.note = rejected_as, note
        if needs_second_person(row) and row.asked_by in ("", actor.id):
            row.asked_by, row.asked_name = actor.id, actor.name[:255]
            row.save(update_fields=["rejected_as", "note", "asked_by", "asked_name"])
            return False
        row.state = UnmatchedState.REJECTED
        _settle(row, actor)
    return True


def take_back_parked(*, unmatched: UnmatchedResult, actor: Actor, note: str) -> None:
    """Settle a row whose file is undone: the file's own list goes on to ask for it. Refused: 409 if it is settled."""
    with transaction.atomic():
        row = _open(unmatched)
        row.state, row.rejected_as, row.note = UnmatchedState.REJECTED, SENT_AGAIN, note
        _settle(row, actor)


def _open(unmatched: UnmatchedResult) -> UnmatchedResult:
    row = UnmatchedResult.objects.select_for_update().get(pk=unmatched.pk)
    if row.state != UnmatchedState.OPEN:
        raise refuse(409, "conflict", "Somebody has settled this result already.", "unmatched")
    return row


def _settle(row: UnmatchedResult, actor: Actor) -> None:
    row.settled_at, row.settled_by = timezone.now(), actor.id
    row.save(update_fields=["state", "observation_id", "rejected_as", "note", "settled_at", "settled_by"])


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else str(value).replace("\x00", "")[:2000]
