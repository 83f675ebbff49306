from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class VersionState(models.TextChoices):
    """What has become of a version that was uploaded."""

    DRAFT = "draft", _("Bản dự thảo")
    ACTIVE = "active", _("Đã ban hành")
    WITHDRAWN = "withdrawn", _("Đã rút lại")


class DryRunState(models.TextChoices):
    """How far a run on paper has got."""

    NONE = "", _("Chưa chạy thử")
    QUEUED = "queued", _("Đang chờ")
    RUNNING = "running", _("Đang tính")
    DONE = "done", _("Đã xong")
    FAILED = "failed", _("Không tính được")


class ProtocolVersion(models.Model):
    """A version of a programme's rules that an officer uploaded, beside those that come as files.

    ``text`` is the file as it came and never changes; ``sha256`` is that of the text. ``valid_from`` of a draft is the
    text's, of an active version the day that the officer chose. ``dry_run`` is what ``activation.dry_run_protocol``
    found: ``sha256`` of the text it ran, ``on``, ``against`` (the version in force then), ``total`` and ``areas``.
    Actors are kept as the access log names them.
    """

    programme = models.CharField(max_length=40)
    version = models.CharField(max_length=20)
    text = models.TextField()
    sha256 = models.CharField(max_length=64)
    valid_from = models.DateField()
    state = models.CharField(max_length=9, choices=VersionState.choices, default=VersionState.DRAFT)
    created_by = models.CharField(max_length=200)
    created_name = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)
    decided_by = models.CharField(max_length=200, blank=True)
    decided_name = models.CharField(max_length=200, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    dry_run = models.JSONField(default=dict, blank=True)
    dry_run_state = models.CharField(max_length=7, choices=DryRunState.choices, blank=True, default=DryRunState.NONE)
    dry_run_done = models.PositiveSmallIntegerField(default=0)
    dry_run_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("programme", "-valid_from", "-id")
        constraints = (
            models.UniqueConstraint(
                fields=("programme", "version"),
                condition=~Q(state="withdrawn"),
                name="screening_protocolversion_once",
            ),
            models.UniqueConstraint(
                fields=("programme", "valid_from"),
                condition=Q(state="active"),
                name="screening_protocolversion_day",
            ),
            models.CheckConstraint(
                condition=Q(state="draft") | Q(decided_at__isnull=False), name="screening_protocolversion_decided"
            ),
        )

    def __str__(self) -> str:
        return f"{self.programme} {self.version} ({self.state})"
