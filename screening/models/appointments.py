from django.db import models
from django.utils.translation import gettext_lazy as _

from records.models import Citizen, Facility

OPEN_STATUSES = ("proposed", "pending", "booked", "waitlist")
"""A person may hold one such appointment of a service at a time."""
EXPECTED = ("proposed", "pending", "booked")
"""Somebody is expected; once the day is over every one of these must have become something else."""
HOLDS_NO_PLACE = ("cancelled", "entered-in-error", "waitlist")


class SessionKind(models.TextChoices):
    """What people come for; the values are the local codes of Schedule.serviceCategory."""

    SCREENING = "screening", _("Sàng lọc")
    ASSESSMENT = "assessment", _("Khám chẩn đoán")
    ANNUAL_CHECK = "annual-check", _("Khám sức khỏe định kỳ")


class OpenTo(models.TextChoices):
    """Who may book a place of a session: the facility's own staff, any facility's staff, or citizens as well."""

    OWN = "own", _("Chỉ nhân viên của cơ sở này")
    STAFF = "staff", _("Nhân viên của mọi cơ sở")
    CITIZENS = "citizens", _("Nhân viên và người dân")


class AppointmentStatus(models.TextChoices):
    """FHIR's codes (Appointment.status) in the words of the clinic."""

    PROPOSED = "proposed", _("Đang đề nghị")
    PENDING = "pending", _("Chờ xác nhận")
    BOOKED = "booked", _("Đã hẹn")
    ARRIVED = "arrived", _("Đã đến")
    CHECKED_IN = "checked-in", _("Đã vào khám")
    FULFILLED = "fulfilled", _("Đã xong")
    NOSHOW = "noshow", _("Không đến")
    CANCELLED = "cancelled", _("Đã hủy")
    WAITLIST = "waitlist", _("Đang chờ chỗ")
    ENTERED_IN_ERROR = "entered-in-error", _("Ghi nhầm")


class Session(models.Model):
    """A FHIR Schedule of ours as a row: one stretch of one day at a facility, for one service.

    `programme` is empty for a yearly check; `step` (a key of the protocol's steps) is set for an assessment only.
    `day` is the calendar day in Vietnam. `active` is false once the session is cancelled. `series` joins the weeks of
    one plan.
    """

    schedule_id = models.CharField(primary_key=True, max_length=64)
    facility = models.ForeignKey(Facility, db_constraint=False, on_delete=models.DO_NOTHING, related_name="+")
    kind = models.CharField(max_length=12, choices=SessionKind.choices)
    programme = models.CharField(max_length=40, blank=True)
    step = models.CharField(max_length=40, blank=True)
    day = models.DateField()
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    place = models.CharField(max_length=500, blank=True)
    open_to = models.CharField(max_length=8, choices=OpenTo.choices, default=OpenTo.OWN)
    active = models.BooleanField(default=True)
    series = models.CharField(max_length=64, blank=True)

    class Meta:
        indexes = (
            models.Index(name="screening_session_day", fields=("facility", "day")),
            models.Index(name="screening_session_service", fields=("kind", "programme", "step", "day")),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.programme} {self.day}"


class Slot(models.Model):
    """A FHIR Slot of a session: a time with `places`. `taken` counts the appointments that hold one.

    A walk-in may make `taken` exceed `places`; a booking never does. `open` is false for a slot that its facility has
    closed (busy-unavailable) or withdrawn.
    """

    slot_id = models.CharField(primary_key=True, max_length=64)
    session = models.ForeignKey(Session, db_constraint=False, on_delete=models.DO_NOTHING, related_name="slots")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    places = models.PositiveSmallIntegerField(default=1)
    taken = models.PositiveSmallIntegerField(default=0)
    open = models.BooleanField(default=True)

    class Meta:
        indexes = (models.Index(name="screening_slot_session", fields=("session", "starts_at")),)

    def __str__(self) -> str:
        return f"{self.starts_at:%Y-%m-%d %H:%M}"

    @property
    def free(self) -> int:
        """Places that may still be booked."""
        return max(0, self.places - self.taken) if self.open else 0


class Appointment(models.Model):
    """A FHIR Appointment in a slot of ours, or one that waits for a place (status waitlist, no slot).

    `facility` is where the person goes. `queued_at` is since when she has been in line; `priority` is 1 for somebody
    whose session we cancelled: she comes before all others. `wanted_from` and `wanted_to` limit the days that suit her.
    """

    appointment_id = models.CharField(primary_key=True, max_length=64)
    patient = models.ForeignKey(Citizen, db_constraint=False, on_delete=models.DO_NOTHING, related_name="appointments")
    slot = models.ForeignKey(
        Slot, null=True, blank=True, db_constraint=False, on_delete=models.DO_NOTHING, related_name="appointments"
    )
    facility = models.ForeignKey(Facility, db_constraint=False, on_delete=models.DO_NOTHING, related_name="+")
    kind = models.CharField(max_length=12, choices=SessionKind.choices)
    programme = models.CharField(max_length=40, blank=True)
    step = models.CharField(max_length=40, blank=True)
    status = models.CharField(max_length=16, choices=AppointmentStatus.choices)
    walk_in = models.BooleanField(default=False)
    day = models.DateField(null=True, blank=True)
    starts_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    queued_at = models.DateTimeField()
    priority = models.PositiveSmallIntegerField(default=0)
    wanted_from = models.DateField(null=True, blank=True)
    wanted_to = models.DateField(null=True, blank=True)
    reason = models.CharField(max_length=40, blank=True)
    version = models.IntegerField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("patient", "kind", "programme", "step"),
                condition=models.Q(status__in=OPEN_STATUSES),
                name="screening_appointment_one_open",
            ),
            models.CheckConstraint(
                condition=models.Q(slot__isnull=False, day__isnull=False, starts_at__isnull=False)
                | models.Q(slot__isnull=True, status__in=("waitlist", "cancelled", "entered-in-error")),
                name="screening_appointment_has_slot",
            ),
        )
        indexes = (
            models.Index(name="screening_appointment_day", fields=("facility", "day")),
            models.Index(name="screening_appointment_slot", fields=("slot",)),
            models.Index(name="screening_appointment_person", fields=("patient", "programme", "-starts_at")),
            models.Index(
                name="screening_appointment_queue",
                fields=("facility", "-priority", "queued_at"),
                condition=models.Q(status="waitlist"),
            ),
            models.Index(name="screening_appointment_next", fields=("day",), condition=models.Q(status="booked")),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.programme} {self.day} {self.status}"


class AppointmentEvent(models.Model):
    """What happened to an appointment: appended, never changed (a trigger holds that), kept by a rebuild.

    `from_status` is "" for its making. The times differ where it was moved. `actor` is the access log's.
    """

    appointment_id = models.CharField(max_length=64, db_index=True)
    patient = models.ForeignKey(
        Citizen, db_constraint=False, db_index=False, on_delete=models.DO_NOTHING, related_name="+"
    )
    at = models.DateTimeField()
    actor = models.CharField(max_length=200)
    actor_name = models.CharField(max_length=255, blank=True)
    from_status = models.CharField(max_length=16, blank=True)
    to_status = models.CharField(max_length=16)
    from_starts_at = models.DateTimeField(null=True, blank=True)
    to_starts_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=40, blank=True)
    version = models.IntegerField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("appointment_id", "version"), name="screening_appointmentevent_once"),
        )

    def __str__(self) -> str:
        return f"{self.appointment_id}: {self.from_status} → {self.to_status}"


class ClosedDay(models.Model):
    """A day on which a facility plans nothing: a holiday, a move, an outbreak."""

    facility = models.ForeignKey(Facility, db_constraint=False, on_delete=models.DO_NOTHING, related_name="+")
    day = models.DateField()
    note = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("facility", "day"), name="screening_closedday_once"),)

    def __str__(self) -> str:
        return f"{self.day} {self.note}"
