"""Samples that arrive, are sent on, rejected or disposed of. What a facility holds is a FHIR Specimen of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from fhir.outcomes import Refused, refuse
from fhir.reader import read
from fhir.store import save
from fhir.text import parse
from healthhub.accounts.actors import Actor
from records.access import presented_at, visible_to
from records.models import Citizen, Facility
from screening.laboratory.barcodes import is_citywide, is_mistyped
from screening.laboratory.custody import Handing, record_custody
from screening.laboratory.rejections import ENGLISH, REJECTIONS
from screening.models import CustodyEvent, CustodyKind, Kit, Order, ScreeningResult, Specimen
from screening.publishing.noting import mark_unpublished

NEW, AGAIN, UNKNOWN, MISTYPED, ELSEWHERE, REFUSED = "new", "again", "unknown", "mistyped", "elsewhere", "refused"
RECEIVED: Final = (NEW, AGAIN)


@dataclass(frozen=True, slots=True)
class Tube:
    """What a barcode is at one facility: its sample here, the kit it came in, the order, the person.

    ``person`` is None for a barcode that nobody knows, or whose person the facility may not see (``hidden``).
    """

    barcode: str
    person: Citizen | None
    specimen: Specimen | None
    kit: Kit | None
    order: Order | None
    hidden: bool = False

    @property
    def test(self) -> str:
        """The test it is for; "" if nothing says so."""
        return next((one.test for one in (self.order, self.specimen, self.kit) if one and one.test), "")

    @property
    def collected_on(self) -> date | None:
        """When the sample was taken, as far as anybody wrote it down."""
        return self.specimen.collected_on if self.specimen else None

    @property
    def kit_expired_on(self) -> date | None:
        """The kit's last day, if the sample was taken (or, not knowing that, is read) after it."""
        if self.kit is None or self.kit.lot is None:
            return None
        last = self.kit.lot.expires_on
        return last if last < (self.collected_on or timezone.localdate()) else None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one scan; ``text`` says it in the reader's language."""

    barcode: str
    state: str
    person: Citizen | None
    test: str
    text: str


def tubes_of(barcodes: Sequence[str], *, facility: Facility, actor: Actor) -> dict[str, Tube]:
    """What these barcodes are here, in four statements whatever their number.

    Another facility's sample counts only by a barcode that is unique in the whole city: two laboratories may both call
    a tube "17".
    """
    specimens: dict[str, Specimen] = {}
    readable = [barcode for barcode in barcodes if "\x00" not in barcode]  # which PostgreSQL does not take
    for row in Specimen.objects.filter(barcode__in=readable):
        own = row.facility_id == facility.pk
        if own or (is_citywide(row.barcode) and row.barcode not in specimens):
            specimens[row.barcode] = row
    kits = {kit.barcode: kit for kit in Kit.objects.filter(barcode__in=readable).select_related("lot")}
    held: list[Specimen | Kit] = [*specimens.values(), *kits.values()]
    wanted = {row.order_id for row in held if row.order_id}
    orders = Order.objects.in_bulk(wanted) if wanted else {}
    people = visible_to(actor).in_bulk({row.patient_id for row in held})
    found = {}
    for barcode in barcodes:
        specimen, kit = specimens.get(barcode), kits.get(barcode)
        known = specimen or kit
        person = people.get(known.patient_id) if known else None
        if known is None or person is None:
            found[barcode] = Tube(barcode, None, None, None, None, hidden=known is not None)
            continue
        order = orders.get((specimen.order_id if specimen else "") or (kit.order_id if kit else ""))
        found[barcode] = Tube(barcode, person, specimen, kit, order)
    return found


def receive(
    barcodes: Sequence[str], *, facility: Facility, actor: Actor, collected_on: date | None = None
) -> list[Receipt]:
    """Log that these tubes are here, each by itself: one that cannot be taken does not hold up the others.

    Scanning twice does no harm. A barcode of another facility that sent nothing here stays unknown.
    """
    tubes = tubes_of(barcodes, facility=facility, actor=actor)
    return [_receive(tubes[one], facility=facility, actor=actor, collected_on=collected_on) for one in barcodes]


def collect(*, kit: Kit, facility: Facility, actor: Actor, on: date | None = None) -> str:
    """Log that a sample was taken at this facility; the Specimen's id. Receiving it is another step."""
    day = on or timezone.localdate()
    with transaction.atomic():
        saved = save(build_specimen(kit.barcode, kit.patient_id, kit.order_id, facility, day), actor=actor)
        record_custody(
            [Handing(kit.barcode, kit.patient_id)], kind=CustodyKind.COLLECTED, facility=facility.pk, actor=actor
        )
    return saved.id


def send_on(
    barcodes: Sequence[str], *, facility: Facility, to: Facility, actor: Actor, provenance: str = ""
) -> tuple[list[Tube], list[str]]:
    """Log that tubes are on their way to another facility, which may read these people from now on.

    Answers the tubes that were sent, and the barcodes that nobody knows here. One transaction. ``provenance`` is the id
    of the Provenance by which software says so of one tube.
    """
    tubes = tubes_of(barcodes, facility=facility, actor=actor)
    sent = [tube for tube in tubes.values() if tube.person is not None]
    with transaction.atomic():
        handings = [Handing(tube.barcode, tube.person.pk, provenance=provenance) for tube in sent if tube.person]
        record_custody(handings, kind=CustodyKind.SENT, facility=facility.pk, actor=actor, to_facility=to.pk)
        presented_at({(one.patient, to.pk) for one in handings if one.patient})
        today = timezone.localdate()
        Kit.objects.filter(pk__in=[tube.barcode for tube in sent], returned_on__isnull=True).update(returned_on=today)
        mark_unpublished([one.patient for one in handings if one.patient])
    return sent, [barcode for barcode in barcodes if tubes[barcode].person is None]


def reject_specimen(*, tube: Tube, reason: str, facility: Facility, actor: Actor, note: str = "") -> str:
    """Mark a sample as not fit, with a key of REJECTIONS; the Specimen's id. The person's round asks for another one.

    Refused: 422 for another reason or a tube of nobody, 409 if the sample has a result already.
    """
    if reason not in REJECTIONS:
        raise refuse(422, "code-invalid", f"Reason {reason!r} is none of {', '.join(REJECTIONS)}.", "reason")
    if tube.person is None:
        raise refuse(422, "business-rule", "Nobody knows whose sample this is.", "barcode")
    held = ScreeningResult.objects.filter(facility=facility, specimen_id=tube.barcode)  # preliminary ones too
    if (held.filter(test=tube.test) if tube.test else held).exists():
        raise refuse(409, "duplicate", "The sample has a result already; correct or withdraw that.", "barcode")
    coding = {"system": settings.FHIR_SYSTEMS["screening"], "code": f"rejected-{reason}", "display": ENGLISH[reason]}
    with transaction.atomic():
        person = tube.person.pk
        own = _own(tube, facility, actor) or build_specimen(tube.barcode, person, _order_id(tube), facility, None)
        own |= {"status": "unsatisfactory", "condition": [{"coding": [coding], "text": str(REJECTIONS[reason])}]}
        own.setdefault("receivedTime", _now())
        saved = save(own | ({"note": [{"text": note}]} if note else {}), actor=actor)
        handing = Handing(tube.barcode, tube.person.pk, reason, note)
        record_custody([handing], kind=CustodyKind.REJECTED, facility=facility.pk, actor=actor)
        record_custody([handing], kind=CustodyKind.REPEATED, facility=facility.pk, actor=actor)
    return saved.id


def accept_again(*, specimen: Specimen, facility: Facility, actor: Actor) -> None:
    """Take a rejection back: the sample is fit after all, and the inadequate result is withdrawn.

    Refused (409) if it is not rejected, or was thrown away.
    """
    if specimen.status != "unsatisfactory" or _is_gone(specimen.barcode, facility):
        raise refuse(409, "conflict", "The sample is not rejected, or was thrown away.", "Specimen.status")
    stored = parse(read(type="Specimen", id=specimen.pk, actor=actor).content).resource
    kept = {name: value for name, value in stored.items() if name != "condition"}
    with transaction.atomic():
        save({**kept, "status": "available"}, actor=actor)
        handing = Handing(specimen.barcode, specimen.patient_id, "", "accepted after all")
        record_custody([handing], kind=CustodyKind.RECEIVED, facility=facility.pk, actor=actor)


def dispose(*, tube: Tube, facility: Facility, actor: Actor, provenance: str = "") -> None:
    """Log that a tube was thrown away. Refused (409) a second time, and while it has neither result nor rejection.

    ``provenance`` as in ``send_on``.
    """
    specimen = tube.specimen
    if _is_gone(tube.barcode, facility):
        raise refuse(409, "conflict", "The sample was thrown away already.", "barcode")
    if specimen is None or (specimen.status == "available" and not specimen.result_id):
        raise refuse(409, "conflict", "The sample has no result yet.", "barcode")
    handing = Handing(tube.barcode, specimen.patient_id, provenance=provenance)
    record_custody([handing], kind=CustodyKind.DISPOSED, facility=facility.pk, actor=actor)


def _receive(tube: Tube, *, facility: Facility, actor: Actor, collected_on: date | None) -> Receipt:
    def answer(state: str, text: str) -> Receipt:
        return Receipt(tube.barcode, state, tube.person, tube.test, text)

    if tube.person is None:
        if is_mistyped(tube.barcode):
            return answer(MISTYPED, _("Mã này gõ sai: ký tự kiểm tra không khớp. Hãy quét lại."))
        if tube.hidden:
            return answer(ELSEWHERE, _("Mã của cơ sở khác, chưa được ghi là gửi đến đây. Hãy hỏi nơi gửi."))
        return answer(UNKNOWN, _("Chưa ai ghi nhận mã này. Hãy tìm người có mẫu rồi gắn mã."))
    mine = tube.specimen if tube.specimen and tube.specimen.facility_id == facility.pk else None
    if mine and mine.received_at:
        when = timezone.localtime(mine.received_at)
        return answer(AGAIN, _("Đã nhận lúc %(time)s.") % {"time": f"{when:%H:%M %d/%m/%Y}"})
    try:
        with transaction.atomic():
            own = _own(tube, facility, actor)
            if own is None:
                day = collected_on or tube.collected_on
                own = build_specimen(tube.barcode, tube.person.pk, _order_id(tube), facility, day)
            save({**own, "receivedTime": _now()}, actor=actor)
            handing = Handing(tube.barcode, tube.person.pk)
            record_custody([handing], kind=CustodyKind.RECEIVED, facility=facility.pk, actor=actor)
    except Refused as refused:
        return answer(REFUSED, refused.issues[0].diagnostics)
    if tube.kit_expired_on:
        told = _("Đã nhận. Bộ kit hết hạn ngày %(day)s: đừng đọc mẫu này, hãy từ chối và cho lấy lại.")
        return answer(NEW, told % {"day": f"{tube.kit_expired_on:%d/%m/%Y}"})
    return answer(NEW, _("Đã nhận."))


def _is_gone(barcode: str, facility: Facility) -> bool:
    return CustodyEvent.objects.filter(barcode=barcode, facility=facility, kind=CustodyKind.DISPOSED).exists()


def _own(tube: Tube, facility: Facility, actor: Actor) -> dict[str, Any] | None:
    """The Specimen of this facility as it is stored."""
    if tube.specimen is None or tube.specimen.facility_id != facility.pk:
        return None
    return parse(read(type="Specimen", id=tube.specimen.pk, actor=actor).content).resource


def build_specimen(
    barcode: str, patient: str, order: str, facility: Facility, collected_on: date | None
) -> dict[str, Any]:
    """The Specimen of a tube as a facility writes it; ``order`` is "" for a sample that nobody ordered."""
    identifier = {"system": f"{settings.FHIR_SYSTEMS['specimen']}/{facility.code}", "value": barcode}
    resource: dict[str, Any] = {
        "resourceType": "Specimen",
        "identifier": [identifier],
        "accessionIdentifier": identifier,
        "status": "available",
        "subject": {"reference": f"Patient/{patient}"},
    }
    if order:
        resource["request"] = [{"reference": f"ServiceRequest/{order}"}]
    if collected_on:
        resource["collection"] = {"collectedDateTime": collected_on.isoformat()}
    return resource


def _order_id(tube: Tube) -> str:
    return tube.order.pk if tube.order else ""


def _now() -> str:
    return timezone.localtime().isoformat(timespec="seconds")
