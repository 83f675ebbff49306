from django.db import models


class PersonMerge(models.Model):
    """Somebody found that two people are one and the same, somebody else confirmed it; it can be taken back.

    ``duplicate`` and ``kept`` are ids of Patients. ``moved`` are the rows of our own tables, by table, that went from
    the one to the other: what no stored resource says, and so cannot be derived again when the merge is undone.
    """

    kept = models.CharField(max_length=64)
    duplicate = models.CharField(max_length=64)
    reason = models.TextField()
    asked_at = models.DateTimeField()
    asked_by = models.CharField(max_length=128)
    asker_name = models.CharField(max_length=255, blank=True)
    merged_at = models.DateTimeField(null=True, blank=True)
    merged_by = models.CharField(max_length=128, blank=True)
    merger_name = models.CharField(max_length=255, blank=True)
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.CharField(max_length=128, blank=True)
    undoer_name = models.CharField(max_length=255, blank=True)
    undo_reason = models.TextField(blank=True)
    moved = models.JSONField(default=dict)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("duplicate",), condition=models.Q(undone_at__isnull=True), name="records_personmerge_one"
            ),
        )
        indexes = (models.Index(fields=("kept",), name="records_personmerge_kept"),)

    def __str__(self) -> str:
        return f"{self.duplicate} → {self.kept}"
