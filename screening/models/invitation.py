from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from records.models import Citizen, Facility
from screening.models.loose import LOOSE


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
    patient = models.ForeignKey(Citizen, related_name="decisions", **LOOSE)
    programme = models.CharField(max_length=40)
    kind = models.CharField(max_length=7, choices=DecisionKind.choices)
    reason = models.CharField(max_length=40)
    evidence = models.TextField(blank=True)
    made_on = models.DateField()
    until = models.DateField(null=True, blank=True)
    review_on = models.DateField(null=True, blank=True)
    facility = models.ForeignKey(Facility, null=True, blank=True, related_name="+", **LOOSE)
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

    patient = models.ForeignKey(Citizen, related_name="invitations", **LOOSE)
    programme = models.CharField(max_length=40)
    due_on = models.DateField()
    kind = models.CharField(max_length=13, choices=InvitationKind.choices)
    facility = models.ForeignKey(Facility, null=True, blank=True, related_name="+", **LOOSE)
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
            models.Index(
                "programme",
                "reminders",
                Coalesce("reminded_on", "sent_on"),
                name="screening_invitation_remind",
                condition=Q(state__in=("sent", "reminded")),
            ),
            models.Index(
                name="screening_invitation_silent",
                fields=("programme", "sent_on"),
                condition=Q(state__in=("sent", "reminded")),
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

    facility = models.ForeignKey(Facility, null=True, blank=True, related_name="+", **LOOSE)
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
