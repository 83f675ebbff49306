from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.db.models.functions import Cast
from django.utils.translation import gettext_lazy as _

from fhir.ids import new_id
from records.models import Citizen, Facility


class Order(models.Model):
    """A test that was ordered: the projection of a ServiceRequest with intent order and the code of a screening test.

    `facility` ordered it, `performer` is the laboratory it is for (None: the same facility). `result_id` is the first
    final Observation of that test from the order's day on, whatever it says: an order is answered by a rejected sample
    too, whose repeat is the round's affair. `due_on` is by when a result should be there (see laboratory.clocks).
    """

    order_id = models.CharField(primary_key=True, max_length=64)
    patient = models.ForeignKey(Citizen, db_constraint=False, on_delete=models.DO_NOTHING, related_name="orders")
    programme = models.CharField(max_length=40)
    test = models.CharField(max_length=40)
    status = models.CharField(max_length=20)
    facility = models.ForeignKey(
        Facility, null=True, blank=True, db_constraint=False, on_delete=models.DO_NOTHING, related_name="+"
    )
    performer = models.ForeignKey(
        Facility, null=True, blank=True, db_constraint=False, on_delete=models.DO_NOTHING, related_name="+"
    )
    authored_on = models.DateField()
    due_on = models.DateField()
    result_id = models.CharField(max_length=64, null=True, blank=True)

    class Meta:
        indexes = (
            models.Index(
                name="screening_order_open",
                fields=("facility", "due_on", "order_id"),
                condition=models.Q(status="active", result_id__isnull=True),
            ),
            models.Index(
                name="screening_order_performer",
                fields=("performer", "due_on", "order_id"),
                condition=models.Q(status="active", result_id__isnull=True),
            ),
        )

    def __str__(self) -> str:
        return f"{self.test} {self.authored_on} {self.status}"


class Specimen(models.Model):
    """A sample as one facility holds it: the projection of a FHIR Specimen with a barcode in our specimen system.

    `facility` is whose Specimen it is: the laboratory that received a tube has one of its own. `test` comes from the
    order, or from the kit of that barcode; "" if neither is known. `reason` is the code of the rejection.
    """

    specimen_id = models.CharField(primary_key=True, max_length=64)
    patient = models.ForeignKey(Citizen, db_constraint=False, on_delete=models.DO_NOTHING, related_name="specimens")
    facility = models.ForeignKey(
        Facility, null=True, blank=True, db_constraint=False, on_delete=models.DO_NOTHING, related_name="+"
    )
    barcode = models.CharField(max_length=100)
    order_id = models.CharField(max_length=64, blank=True)
    programme = models.CharField(max_length=40, blank=True)
    test = models.CharField(max_length=40, blank=True)
    status = models.CharField(max_length=20)
    reason = models.CharField(max_length=40, blank=True)
    collected_on = models.DateField(null=True, blank=True)
    received_at = models.DateTimeField(null=True, blank=True)
    due_on = models.DateField(null=True, blank=True)
    result_id = models.CharField(max_length=64, null=True, blank=True)

    class Meta:
        indexes = (
            models.Index(name="screening_specimen_barcode", fields=("barcode",)),
            models.Index(
                name="screening_specimen_unread",
                fields=("facility", "due_on", "specimen_id"),
                condition=models.Q(status="available", result_id__isnull=True, received_at__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"{self.barcode} ({self.status})"


class KitLot(models.Model):
    """A delivery of test kits. `kit` is the name as the protocol spells it; `expires_on` is the last day of use.

    `device` is the id of its FHIR Device: that of the software that entered it, or of the one which `publishing.lots`
    writes.
    """

    facility = models.ForeignKey(Facility, db_constraint=False, on_delete=models.DO_NOTHING, related_name="+")
    programme = models.CharField(max_length=40)
    test = models.CharField(max_length=40)
    kit = models.CharField(max_length=100)
    lot = models.CharField(max_length=40)
    expires_on = models.DateField()
    quantity = models.PositiveIntegerField()
    added_at = models.DateTimeField(auto_now_add=True)
    added_by = models.CharField(max_length=200)
    device = models.CharField(
        max_length=64, unique=True, default=new_id, db_default=Cast(RandomUUID(), models.CharField())
    )

    class Meta:
        constraints = (models.UniqueConstraint(fields=("facility", "test", "kit", "lot"), name="screening_kitlot_lot"),)

    def __str__(self) -> str:
        return f"{self.kit} {self.lot}"


class Kit(models.Model):
    """One kit, given to one person. `barcode` (facility code, number, check character) is also its sample's.

    `due_on` is by when the sample should be back, `returned_on` when it was first said to be taken or received.
    `statement` is the id of its DeviceUseStatement: that of the software that gave it out, or of the one which
    `publishing.kits` writes.
    """

    barcode = models.CharField(primary_key=True, max_length=20)
    statement = models.CharField(
        max_length=64, unique=True, default=new_id, db_default=Cast(RandomUUID(), models.CharField())
    )
    lot = models.ForeignKey(KitLot, null=True, blank=True, on_delete=models.PROTECT, related_name="kits")
    facility = models.ForeignKey(
        Facility, db_constraint=False, db_index=False, on_delete=models.DO_NOTHING, related_name="+"
    )
    patient = models.ForeignKey(Citizen, db_constraint=False, on_delete=models.DO_NOTHING, related_name="kits")
    order_id = models.CharField(max_length=64)
    programme = models.CharField(max_length=40)
    test = models.CharField(max_length=40)
    issued_on = models.DateField()
    due_on = models.DateField()
    returned_on = models.DateField(null=True, blank=True)

    class Meta:
        indexes = (
            models.Index(
                name="screening_kit_out",
                fields=("facility", "due_on", "barcode"),
                condition=models.Q(returned_on__isnull=True),
            ),
        )

    def __str__(self) -> str:
        return self.barcode


class CustodyKind(models.TextChoices):
    ISSUED = "issued", _("Đã phát cho người dân")
    COLLECTED = "collected", _("Đã thu mẫu")
    SENT = "sent", _("Đã gửi đi")
    RECEIVED = "received", _("Đã nhận")
    REJECTED = "rejected", _("Bị từ chối")
    REPEATED = "repeated", _("Đã yêu cầu lấy lại")
    DISPOSED = "disposed", _("Đã hủy mẫu")


class CustodyEvent(models.Model):
    """Where a kit or its sample was, and in whose hands. Appended only: a trigger refuses to change or remove it.

    `provenance` is the id of its FHIR Provenance: that of the software that handed it on, or of the one which
    `publishing.custody` writes.
    """

    barcode = models.CharField(max_length=100)
    patient = models.ForeignKey(
        Citizen, null=True, blank=True, db_constraint=False, on_delete=models.DO_NOTHING, related_name="+"
    )
    facility = models.ForeignKey(Facility, db_constraint=False, on_delete=models.DO_NOTHING, related_name="+")
    to_facility = models.ForeignKey(
        Facility, null=True, blank=True, db_constraint=False, on_delete=models.DO_NOTHING, related_name="+"
    )
    kind = models.CharField(max_length=10, choices=CustodyKind.choices)
    reason = models.CharField(max_length=40, blank=True)
    note = models.TextField(blank=True)
    at = models.DateTimeField()
    actor = models.CharField(max_length=200)
    actor_name = models.CharField(max_length=255)
    provenance = models.CharField(
        max_length=64, unique=True, default=new_id, db_default=Cast(RandomUUID(), models.CharField())
    )

    class Meta:
        indexes = (models.Index(name="screening_custody_barcode", fields=("barcode", "at")),)

    def __str__(self) -> str:
        return f"{self.barcode} {self.kind} {self.at:%d/%m/%Y %H:%M}"


class EntryDifference(models.Model):
    """Two people read or typed one result differently. The Observation stays preliminary until somebody settles it.

    `first` and `second` are the readings as sentences by language; `second_fields` what was typed the second time.
    """

    observation_id = models.CharField(max_length=64)
    patient = models.ForeignKey(Citizen, db_constraint=False, on_delete=models.DO_NOTHING, related_name="+")
    facility = models.ForeignKey(Facility, db_constraint=False, on_delete=models.DO_NOTHING, related_name="+")
    test = models.CharField(max_length=40)
    first = models.JSONField()
    second = models.JSONField()
    second_fields = models.JSONField()
    second_by = models.CharField(max_length=200)
    second_name = models.CharField(max_length=255)
    found_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, blank=True)
    settled_by = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("observation_id",),
                condition=models.Q(settled_at__isnull=True),
                name="screening_entrydifference_one_open",
            ),
        )

    def __str__(self) -> str:
        return f"{self.test} {self.observation_id}"


class UnmatchedState(models.TextChoices):
    OPEN = "open", _("Chưa khớp")
    MATCHED = "matched", _("Đã khớp")
    REJECTED = "rejected", _("Đã loại, có lý do")


class UnmatchedResult(models.Model):
    """A result that could not be given to a person or an order. It is never dropped: it is matched, or rejected with
    a coded reason.

    `payload` is what arrived, as it arrived; `fields` what was understood of it (see laboratory.matching.FIELDS), all
    texts. `reason` says why it was parked, `rejected_as` why it was rejected, or why `asked_by` wants it to be while it
    is open. Only the facility that it came to reads it. `digest` makes a message that is sent twice one row.
    """

    facility = models.ForeignKey(
        Facility, db_constraint=False, db_index=False, on_delete=models.DO_NOTHING, related_name="+"
    )
    source = models.CharField(max_length=10)
    payload = models.TextField()
    fields = models.JSONField()
    reason = models.CharField(max_length=40)
    digest = models.CharField(max_length=64)
    state = models.CharField(max_length=8, choices=UnmatchedState.choices, default=UnmatchedState.OPEN)
    parked_at = models.DateTimeField()
    parked_by = models.CharField(max_length=200)
    settled_at = models.DateTimeField(null=True, blank=True)
    settled_by = models.CharField(max_length=200, blank=True)
    asked_by = models.CharField(max_length=200, blank=True)
    asked_name = models.CharField(max_length=255, blank=True)
    rejected_as = models.CharField(max_length=40, blank=True)
    note = models.TextField(blank=True)
    observation_id = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("facility", "digest"), name="screening_unmatched_once"),
            models.CheckConstraint(
                condition=models.Q(state="open", settled_at__isnull=True)
                | (models.Q(state="matched", settled_at__isnull=False) & ~models.Q(observation_id=""))
                | (models.Q(state="rejected", settled_at__isnull=False) & ~models.Q(rejected_as="")),
                name="screening_unmatched_settled",
            ),
        )
        indexes = (
            models.Index(
                name="screening_unmatched_open", fields=("facility", "parked_at"), condition=models.Q(state="open")
            ),
        )

    def __str__(self) -> str:
        return f"{self.source} {self.parked_at:%d/%m/%Y} ({self.state})"


class Notice(models.Model):
    """A result or finding that somebody acted on, or the citizen may have read, says something else now.

    `source_type` and `source_id` name the resource, `version` is its new one. One for each facility that acted
    (`facility`) and one for the citizen (`facility` None). `text` is a key of laboratory.notices.TEXTS: a notice never
    holds what the result says. It stays until it is acknowledged.
    """

    facility = models.ForeignKey(
        Facility, null=True, blank=True, db_constraint=False, on_delete=models.DO_NOTHING, related_name="+"
    )
    patient = models.ForeignKey(Citizen, db_constraint=False, on_delete=models.DO_NOTHING, related_name="notices")
    source_type = models.CharField(max_length=64)
    source_id = models.CharField(max_length=64)
    version = models.IntegerField()
    text = models.CharField(max_length=40)
    made_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True, blank=True)
    read_by = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("source_type", "source_id", "version", "facility", "patient"),
                nulls_distinct=False,
                name="screening_notice_once",
            ),
        )
        indexes = (
            models.Index(
                name="screening_notice_open", fields=("facility", "made_at"), condition=models.Q(read_at__isnull=True)
            ),
        )

    def __str__(self) -> str:
        return f"{self.text} {self.source_type}/{self.source_id}"
