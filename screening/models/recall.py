from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from records.models import Area, Citizen, Facility


class Status(models.TextChoices):
    """Where somebody for whom a programme is stands today; the order is that of precedence."""

    CEASED = "ceased", _("Đã ngừng mời")
    DEFERRED = "deferred", _("Đã hoãn")
    SCREENED = "screened", _("Đã sàng lọc")
    UNREACHABLE = "unreachable", _("Không liên lạc được")
    OVERDUE = "overdue", _("Quá hạn")
    DUE = "due", _("Đến hạn")


class Standing(models.Model):
    """One person for whom a programme is today, and why she stands where she stands. Derived; nobody writes it by hand.

    ``area`` is where she lives, as recorded; ``facility`` who calls her, None for the department.
    ``due_on`` is the next date (None if there is none), counted from ``due_from`` by ``due_rule`` of the protocol's
    version: ``age:<years>``, ``category:<test>.<category>``, ``finding:…``, ``reason:…``, ``step:…``, ``deferral`` or
    ``episode`` (an older round that does not say). ``inputs`` holds what else explains it (see ``recall.explain``).
    ``since`` is the first day of this status.
    """

    patient = models.ForeignKey(
        Citizen, db_constraint=False, db_index=False, on_delete=models.DO_NOTHING, related_name="standings"
    )
    programme = models.CharField(max_length=40)
    area = models.ForeignKey(
        Area, null=True, blank=True, db_constraint=False, db_index=False, on_delete=models.DO_NOTHING, related_name="+"
    )
    facility = models.ForeignKey(
        Facility,
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
        on_delete=models.DO_NOTHING,
        related_name="+",
    )
    status = models.CharField(max_length=11, choices=Status.choices)
    due_on = models.DateField(null=True, blank=True)
    due_rule = models.CharField(max_length=100)
    due_from = models.DateField(null=True, blank=True)
    protocol_version = models.CharField(max_length=20)
    inputs = models.JSONField(default=dict)
    since = models.DateField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("programme", "patient"), name="screening_standing_once"),
            models.CheckConstraint(
                condition=Q(due_on__isnull=False) | Q(status__in=("ceased", "screened", "deferred")),
                name="screening_standing_waits_for_a_day",
            ),
        )
        indexes = (
            models.Index(name="screening_standing_person", fields=("patient",)),
            models.Index(name="screening_standing_area", fields=("programme", "area", "status")),
            models.Index(name="screening_standing_caller", fields=("facility", "programme", "status", "due_on")),
        )

    def __str__(self) -> str:
        return f"{self.programme} {self.status} {self.due_on}"


class StalePerson(models.Model):
    """A note, committed with the write that made it, that a person's standings must be worked out again.

    Appended only, doubles allowed: so writers never wait for each other here.
    """

    patient = models.CharField(max_length=64)

    def __str__(self) -> str:
        return self.patient


class DecisionKind(models.TextChoices):
    OPT_OUT = "opt_out", _("Không muốn được mời")
    DEFER = "defer", _("Hoãn")
    CEASE = "cease", _("Ngừng mời")


class Decision(models.Model):
    """Somebody is not to be called, or not yet: projection of a ServiceRequest with doNotPerform (its id is ours).

    ``until`` is the day on which a deferral ends; ``review_on`` when the decision to cease must be looked at again.
    ``evidence`` is the paper or fact it rests on. ``undone``: revoked, the person is called again as before.
    """

    request_id = models.CharField(primary_key=True, max_length=64)
    patient = models.ForeignKey(
        Citizen, db_constraint=False, db_index=False, on_delete=models.DO_NOTHING, related_name="decisions"
    )
    programme = models.CharField(max_length=40)
    kind = models.CharField(max_length=7, choices=DecisionKind.choices)
    reason = models.CharField(max_length=40)
    evidence = models.TextField(blank=True)
    made_on = models.DateField()
    until = models.DateField(null=True, blank=True)
    review_on = models.DateField(null=True, blank=True)
    facility = models.ForeignKey(
        Facility,
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
        on_delete=models.DO_NOTHING,
        related_name="+",
    )
    by_citizen = models.BooleanField(default=False)
    actor = models.CharField(max_length=200)
    undone = models.BooleanField(default=False)
    version = models.IntegerField()

    class Meta:
        indexes = (
            models.Index(name="screening_decision_person", fields=("patient", "programme")),
            models.Index(
                name="screening_decision_review", fields=("review_on",), condition=Q(undone=False, kind="cease")
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.programme} {self.reason}"


class InvitationKind(models.TextChoices):
    CALL = "call", _("Mời lần đầu")
    RECALL = "recall", _("Mời lại")
    SELF_REFERRAL = "self_referral", _("Tự đến")
    ANNUAL_CHECK = "annual_check", _("Khám sức khỏe hằng năm")


class InvitationState(models.TextChoices):
    PLANNED = "planned", _("Đã xếp lịch")
    SENT = "sent", _("Đã gửi")
    REMINDED = "reminded", _("Đã nhắc")
    RESPONDED = "responded", _("Đã đến")
    NONRESPONDER = "nonresponder", _("Không phản hồi")
    CANCELLED = "cancelled", _("Đã hủy")


class Invitation(models.Model):
    """One call of one person in one programme for one due date. Truth of its own: it is workflow, no resource.

    ``due_on`` is the date it is about, so that a second run makes nothing twice. ``facility`` calls (None: the
    department). ``planned_on`` is the day whose capacity it uses. ``ended_on`` is when it came to one of the last three
    states, ``ended_by`` why: the Episode's id for a response, a word for a cancellation.
    """

    patient = models.ForeignKey(
        Citizen, db_constraint=False, db_index=False, on_delete=models.DO_NOTHING, related_name="invitations"
    )
    programme = models.CharField(max_length=40)
    due_on = models.DateField()
    kind = models.CharField(max_length=13, choices=InvitationKind.choices)
    facility = models.ForeignKey(
        Facility,
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
        on_delete=models.DO_NOTHING,
        related_name="+",
    )
    planned_on = models.DateField()
    state = models.CharField(max_length=12, choices=InvitationState.choices, default=InvitationState.PLANNED)
    sent_on = models.DateField(null=True, blank=True)
    reminded_on = models.DateField(null=True, blank=True)
    reminders = models.SmallIntegerField(default=0)
    ended_on = models.DateField(null=True, blank=True)
    ended_by = models.CharField(max_length=40, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("patient", "programme", "due_on"), name="screening_invitation_once"),
        )
        indexes = (
            models.Index(
                name="screening_invitation_open",
                fields=("programme", "state", "planned_on"),
                condition=Q(state__in=("planned", "sent", "reminded")),
            ),
            models.Index(name="screening_invitation_day", fields=("facility", "programme", "planned_on")),
        )

    def __str__(self) -> str:
        return f"{self.programme} {self.due_on} {self.state}"


class Capacity(models.Model):
    """How many people a facility can invite in a programme on a day. ``facility`` None is the department's own.

    ``weekday`` 0 (Monday) to 6; ``day`` is one date that differs from its weekday (a holiday: 0 places). Exactly one of
    both is set. What no row says is ``recall.capacity.default_places``.
    """

    facility = models.ForeignKey(
        Facility,
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
        on_delete=models.DO_NOTHING,
        related_name="+",
    )
    programme = models.CharField(max_length=40)
    weekday = models.SmallIntegerField(null=True, blank=True)
    day = models.DateField(null=True, blank=True)
    places = models.PositiveIntegerField()

    class Meta:
        verbose_name_plural = "capacities"
        constraints = (
            models.UniqueConstraint(
                fields=("facility", "programme", "weekday", "day"), nulls_distinct=False, name="screening_capacity_once"
            ),
            models.CheckConstraint(
                condition=Q(weekday__isnull=True, day__isnull=False)
                | Q(weekday__gte=0, weekday__lte=6, day__isnull=True),
                name="screening_capacity_weekday_or_day",
            ),
        )

    def __str__(self) -> str:
        return f"{self.facility_id} {self.programme} {self.day or self.weekday}: {self.places}"


class RecallRun(models.Model):
    """One night's call and recall, and how far it has got.

    ``steps`` are all there is to do, ``done`` those whose work has committed: a killed run goes on after them, and a
    second run of the same night finds nothing left. ``counts`` is what it did, by word. ``bounds`` cuts the people into
    chunks by id.
    """

    on = models.DateField()
    programmes = ArrayField(models.CharField(max_length=40))
    started_at = models.DateTimeField(auto_now_add=True)
    touched_at = models.DateTimeField(auto_now=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    bounds = models.JSONField(default=list)
    steps = models.JSONField(default=list)
    done = models.JSONField(default=list)
    counts = models.JSONField(default=dict)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("on", "programmes"), name="screening_recallrun_once"),)

    def __str__(self) -> str:
        return f"{self.on}: {len(self.done)}/{len(self.steps)}"

    @property
    def percent(self) -> int:
        """How much is done, 0 to 100."""
        return len(self.done) * 100 // len(self.steps) if self.steps else 0


class Balance(models.Model):
    """One night's books of a programme in an area: eligible = screened + due + … + unreachable + difference.

    ``eligible`` is counted from the stored Patients, not from Standing. ``missing`` are eligible people without a
    standing, ``surplus`` standings of people who are not eligible; both are in BalanceDifference, and eligible = the
    six + missing - surplus. ``unclear`` are people of whom it cannot be said (no birth date, no sex, no known address),
    ``excluded`` those whom a recorded fact takes out; neither is part of eligible.
    """

    on = models.DateField()
    programme = models.CharField(max_length=40)
    area = models.ForeignKey(
        Area, null=True, blank=True, db_constraint=False, db_index=False, on_delete=models.DO_NOTHING, related_name="+"
    )
    eligible = models.IntegerField()
    screened = models.IntegerField()
    due = models.IntegerField()
    overdue = models.IntegerField()
    deferred = models.IntegerField()
    ceased = models.IntegerField()
    unreachable = models.IntegerField()
    missing = models.IntegerField(default=0)
    surplus = models.IntegerField(default=0)
    unclear = models.IntegerField(default=0)
    excluded = models.IntegerField(default=0)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("on", "programme", "area"), nulls_distinct=False, name="screening_balance_once"
            ),
            models.CheckConstraint(
                condition=Q(
                    eligible=models.F("screened")
                    + models.F("due")
                    + models.F("overdue")
                    + models.F("deferred")
                    + models.F("ceased")
                    + models.F("unreachable")
                    + models.F("missing")
                    - models.F("surplus")
                ),
                name="screening_balance_adds_up",
            ),
        )

    def __str__(self) -> str:
        return f"{self.on} {self.programme} {self.area_id}: {self.eligible}"


class BalanceDifference(models.Model):
    """One person behind a difference, or of whom it cannot be said whether a programme is for her.

    ``kind`` is missing, surplus or unclear; ``detail`` says why (birth_date, sex, area for unclear). Only the newest
    night's are kept.
    """

    on = models.DateField()
    programme = models.CharField(max_length=40)
    area = models.ForeignKey(
        Area, null=True, blank=True, db_constraint=False, db_index=False, on_delete=models.DO_NOTHING, related_name="+"
    )
    patient = models.ForeignKey(
        Citizen, db_constraint=False, db_index=False, on_delete=models.DO_NOTHING, related_name="+"
    )
    kind = models.CharField(max_length=8)
    detail = models.CharField(max_length=20, blank=True)

    class Meta:
        indexes = (models.Index(name="screening_difference_list", fields=("programme", "kind", "patient")),)

    def __str__(self) -> str:
        return f"{self.programme} {self.kind} {self.patient_id}"
