from django.db import models
from django.utils.translation import gettext_lazy as _

from records.models.citizens import Citizen
from records.models.facilities import Facility


class RequestKind(models.TextChoices):
    """What a person asks about her record."""

    CORRECT = "correct", _("Sửa điều chưa đúng")
    DELETE = "delete", _("Xóa")


class RequestState(models.TextChoices):
    """How far a request is. The first two are open and have a clock."""

    ASKED = "asked", _("Chờ trả lời")
    ACCEPTED = "accepted", _("Đã nhận, đang làm")
    DONE = "done", _("Đã làm xong")
    REFUSED = "refused", _("Không làm được")
    WITHDRAWN = "withdrawn", _("Đã rút lại")


class RecordRequest(models.Model):
    """A person asks for her record to be corrected or something in it to be deleted, and what became of it.

    ``facility`` answers: who wrote what it is about, or looks after her; without any, the health department does.
    ``resource_type`` and ``resource_id`` name the entry, "" for who she is; ``title`` is how the page called it.
    ``answer_by`` and ``done_by`` are the law's days (`records.rights.clocks`).
    """

    patient = models.ForeignKey(
        Citizen, db_constraint=False, db_index=False, on_delete=models.DO_NOTHING, related_name="requests"
    )
    kind = models.CharField(max_length=10, choices=RequestKind.choices)
    resource_type = models.CharField(max_length=64, blank=True)
    resource_id = models.CharField(max_length=64, blank=True)
    title = models.CharField(max_length=255, blank=True)
    text = models.TextField()
    facility = models.ForeignKey(
        Facility, null=True, db_constraint=False, db_index=False, on_delete=models.DO_NOTHING, related_name="+"
    )
    asked_at = models.DateTimeField()
    asked_by = models.CharField(max_length=128)
    answer_by = models.DateField()
    done_by = models.DateField()
    state = models.CharField(max_length=10, choices=RequestState.choices, default=RequestState.ASKED)
    answer = models.TextField(blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    answered_by = models.CharField(max_length=128, blank=True)
    answerer_name = models.CharField(max_length=255, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = (
            models.Index(fields=("patient", "-id"), name="records_request_of"),
            models.Index(
                fields=("facility", "done_by", "id"),
                condition=models.Q(state__in=("asked", "accepted")),
                name="records_request_open",
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}: {self.state}"

    @property
    def is_open(self) -> bool:
        """Whether somebody still has to do something."""
        return self.state in (RequestState.ASKED, RequestState.ACCEPTED)

    @property
    def about(self) -> str:
        """The entry as the page names it, or who the person is."""
        return self.title or str(_("Thông tin về tôi"))
