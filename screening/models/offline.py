from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class OfflineState(models.TextChoices):
    """What became of an entry. SAVED, HELD and DROPPED are final; the device keeps the others until they are."""

    SAVED = "saved", _("Đã lưu")
    HELD = "held", _("Đã có sẵn")
    DROPPED = "dropped", _("Đã bỏ theo quyết định")
    CONFLICT = "conflict", _("Cần quyết định")
    REFUSED = "refused", _("Chưa nhận được")


class OfflineEntry(models.Model):
    """A result that a health worker entered without network, under the id that her device gave it.

    The id makes sending it twice harmless: the row and the Observation are written in one transaction. ``payload`` is
    what she entered, as sent last; ``observation_id`` what it became, or the result that was there already.
    """

    id = models.UUIDField(primary_key=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    facility = models.CharField(max_length=64)
    patient = models.CharField(max_length=64)
    state = models.CharField(max_length=8, choices=OfflineState.choices)
    payload = models.JSONField()
    observation_id = models.CharField(max_length=64, blank=True)
    received_at = models.DateTimeField(auto_now_add=True)
    answered_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name_plural = "offline entries"
        indexes = (models.Index(name="screening_offline_open", fields=("facility", "state")),)

    def __str__(self) -> str:
        return f"{self.id}: {self.state}"
