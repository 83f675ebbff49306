"""Which texts the department has approved; the texts themselves are code and protocol files (`screening.wording`)."""

from django.db import models
from django.db.models import Q


class TextApproval(models.Model):
    """Somebody of the department approved a text as it read then: ``key`` names it, ``sha256`` is that of what it said
    in every language. A text that says something else has another sum, and so is a draft again. ``withdrawn_at``: the
    approval was taken back; the row stays. Actors are kept as the access log names them.
    """

    key = models.CharField(max_length=120)
    sha256 = models.CharField(max_length=64)
    approved_by = models.CharField(max_length=200)
    approved_name = models.CharField(max_length=200)
    approved_at = models.DateTimeField()
    withdrawn_by = models.CharField(max_length=200, blank=True)
    withdrawn_name = models.CharField(max_length=200, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("key", "sha256"), condition=Q(withdrawn_at__isnull=True), name="screening_textapproval_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.key} {self.sha256[:8]}"
