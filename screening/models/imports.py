from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class BatchState(models.TextChoices):
    QUEUED = "queued", _("Đang chờ")
    RUNNING = "running", _("Đang xử lý")
    DONE = "done", _("Đã xong")
    FAILED = "failed", _("Không đọc được tệp")


class ImportBatch(models.Model):
    """One file of results and how far it has got. The counters move with each chunk's commit, so a killed run goes on
    from `processed_row` and counts nothing twice.

    `facility` is the uploader's, None for a command that writes for all. `file` and `errors_file` are paths below
    MEDIA_ROOT; `errors_bytes` is how much of the errors file belongs to committed chunks. `total` is an estimate until
    the run is done; processed = new + corrected + unchanged + repeated + failed. `notices` are in `language`.
    """

    filename = models.CharField(max_length=255)
    file = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64)
    language = models.CharField(max_length=10, default="vi")
    uploader = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    facility = models.CharField(max_length=64, null=True, blank=True)
    state = models.CharField(max_length=8, choices=BatchState.choices, default=BatchState.QUEUED)
    problem = models.TextField(blank=True)
    notices = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    total = models.IntegerField(default=0)
    processed = models.IntegerField(default=0)
    processed_row = models.IntegerField(default=0)
    new = models.IntegerField(default=0)
    corrected = models.IntegerField(default=0)
    unchanged = models.IntegerField(default=0)
    repeated = models.IntegerField(default=0)
    failed = models.IntegerField(default=0)
    errors_file = models.CharField(max_length=255, blank=True)
    errors_bytes = models.BigIntegerField(default=0)

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = (models.Index(name="screening_import_facility", fields=("facility", "-created_at")),)

    def __str__(self) -> str:
        return f"{self.filename} ({self.state})"

    @property
    def percent(self) -> int:
        """How much is done, 0 to 100."""
        if self.state == BatchState.DONE:
            return 100
        return min(99, self.processed * 100 // self.total) if self.total else 0


class ImportedRow(models.Model):
    """A row of a running batch, to know one that comes again further down. Removed when the batch is done.

    `key` is a digest of facility, specimen and test; `content` one of the whole row.
    """

    batch = models.ForeignKey(ImportBatch, on_delete=models.CASCADE, related_name="+")
    key = models.UUIDField()
    content = models.UUIDField()
    row = models.IntegerField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("batch", "key"), name="screening_importedrow_key"),)

    def __str__(self) -> str:
        return f"{self.batch_id}: {self.row}"
