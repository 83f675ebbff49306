from datetime import datetime

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from healthhub.accounts.actors import Role
from healthhub.web.context import role_name
from records.models.citizens import Citizen
from records.models.facilities import Facility


class EmergencyReason(models.TextChoices):
    """Why a record had to be opened at once. The person reads these words."""

    LIFE = "life", _("Nguy hiểm đến tính mạng, phải biết tiền sử bệnh ngay")
    UNCONSCIOUS = "unconscious", _("Người bệnh bất tỉnh hoặc không thể tự cho biết")
    MINOR = "minor", _("Trẻ em hoặc người không tự quyết được, chưa gặp được người giám hộ")
    OTHER = "other", _("Tình huống khẩn cấp khác")


class Outcome(models.TextChoices):
    """What an auditor found."""

    JUSTIFIED = "justified", _("Có lý do chính đáng")
    UNJUSTIFIED = "unjustified", _("Không có lý do chính đáng")


class EmergencyAccesses(models.QuerySet["EmergencyAccess"]):
    """Openings."""

    def lasting(self, now: datetime | None = None) -> "EmergencyAccesses":
        """Those that let somebody read now."""
        return self.filter(ended_at__isnull=True, until__gt=now or timezone.now())


class EmergencyAccess(models.Model):
    """A record that somebody opened in an emergency, without a relation to the person; over at ``until`` by itself.

    It holds for the ``user`` while she works as ``role`` at ``facility``. ``told`` is what she wrote, for the auditors
    alone: it may say what the person has not been told yet. ``outcome`` is "" until somebody else has looked at it.
    """

    patient = models.ForeignKey(
        Citizen, db_constraint=False, db_index=False, on_delete=models.DO_NOTHING, related_name="emergencies"
    )
    user = models.ForeignKey(settings.AUTH_USER_MODEL, db_index=False, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=255)
    role = models.CharField(max_length=20, choices=[(role.value, role.value) for role in Role])
    facility = models.ForeignKey(
        Facility, db_constraint=False, db_index=False, on_delete=models.DO_NOTHING, related_name="+"
    )
    reason = models.CharField(max_length=20, choices=EmergencyReason.choices)
    told = models.TextField()
    opened_at = models.DateTimeField()
    until = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=11, choices=Outcome.choices, blank=True)
    note = models.TextField(blank=True)
    reviewed_at = models.DateTimeField(null=True, blank=True)
    reviewed_by = models.CharField(max_length=128, blank=True)
    reviewer_name = models.CharField(max_length=255, blank=True)

    objects = EmergencyAccesses.as_manager()

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=models.Q(outcome="", reviewed_at__isnull=True)
                | (~models.Q(outcome="") & models.Q(reviewed_at__isnull=False)),
                name="records_emergency_reviewed",
            ),
        )
        indexes = (
            models.Index(name="records_emergency_user", fields=("user", "-opened_at")),
            models.Index(name="records_emergency_patient", fields=("patient", "-opened_at")),
            models.Index(name="records_emergency_waiting", fields=("id",), condition=models.Q(outcome="")),
        )

    def __str__(self) -> str:
        return f"{self.patient_id} ← user:{self.user_id} ({self.reason})"

    @property
    def over_at(self) -> datetime:
        """When it ended, or will."""
        return min(self.ended_at or self.until, self.until)

    @property
    def role_name(self) -> str:
        """As what she opened it, in the reader's language."""
        return role_name(self.role)
