from django.db import models
from django.utils.translation import gettext_lazy as _


class AreaKind(models.TextChoices):
    """What tier a unit is of. The name carries the finer word (Quận, Huyện, Thị xã; Phường, Xã, Thị trấn)."""

    DISTRICT = "district", _("Quận, huyện, thị xã (đến 30/06/2025)")
    COMMUNE = "commune", _("Phường, xã, thị trấn (đến 30/06/2025)")
    WARD = "ward", _("Phường, xã (từ 01/07/2025)")


class Area(models.Model):
    """An administrative unit of Hanoi during its life span.

    The statistics office re-uses codes (00226 was three different wards), so a unit is (code, valid_from), never a
    code. `code` is zero-padded text: 3 digits for a district, 5 for a commune or ward. `valid_to` is the last day,
    None while in force. A commune's `parent` is its district; wards since 1 July 2025 stand directly under the city
    and have none.
    """

    code = models.CharField(max_length=5)
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=10, choices=AreaKind.choices)
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="children")
    valid_from = models.DateField()
    valid_to = models.DateField(null=True, blank=True)

    class Meta:
        ordering = ("code", "valid_from")
        constraints = (
            models.UniqueConstraint(fields=("code", "valid_from"), name="records_area_code_span"),
            models.CheckConstraint(
                condition=models.Q(valid_to__isnull=True) | models.Q(valid_to__gte=models.F("valid_from")),
                name="records_area_span_forward",
            ),
        )

    def __str__(self) -> str:
        return self.name


class AreaSuccession(models.Model):
    """`old` passed into `new` when it ended; not `whole` if only a part of it did, or if that is not known."""

    old = models.ForeignKey(Area, on_delete=models.CASCADE, related_name="became")
    new = models.ForeignKey(Area, on_delete=models.CASCADE, related_name="came_from")
    whole = models.BooleanField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("old", "new"), name="records_areasuccession_pair"),)

    def __str__(self) -> str:
        return f"{self.old} → {self.new}"
