"""One decision of an officer about many open steps at once, and each of those steps by name. See `failsafe.batches`."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from records.models import Area, Facility
from screening.models.episode import Episode


class StepBatchKind(models.TextChoices):
    """What is done with the steps."""

    HAND_OVER = "hand_over", _("Chuyển cơ sở phụ trách")
    CLOSE = "close", _("Khép lại với lý do")


class StepBatchState(models.TextChoices):
    """WAITING is for a second person; QUEUED and UNDOING are being worked on; the others are ends."""

    WAITING = "waiting", _("Chờ người thứ hai xác nhận")
    QUEUED = "queued", _("Đang làm")
    DONE = "done", _("Đã xong")
    REFUSED = "refused", _("Không được xác nhận")
    UNDOING = "undoing", _("Đang hoàn tác")
    UNDONE = "undone", _("Đã hoàn tác")


class StepBatch(models.Model):
    """Steps chosen by a filter (`asked`, as in the address) and frozen on the day they were asked for.

    `area` is the part of the city of the officer who asked, None for all. A closing has `reason`, `closed_on` and
    `evidence` and waits for `second`; a handing over has `target`. `note` says why. `worked_at` moves while a worker is
    at it: a batch whose worker was killed is taken up again.
    """

    kind = models.CharField(max_length=10, choices=StepBatchKind.choices)
    state = models.CharField(max_length=10, choices=StepBatchState.choices)
    asked = models.JSONField(default=dict)
    area = models.ForeignKey(Area, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    target = models.ForeignKey(
        Facility, null=True, blank=True, db_constraint=False, on_delete=models.DO_NOTHING, related_name="+"
    )
    reason = models.CharField(max_length=40, blank=True)
    closed_on = models.DateField(null=True, blank=True)
    evidence = models.CharField(max_length=500, blank=True)
    note = models.CharField(max_length=2000, blank=True)
    total = models.IntegerField(default=0)
    actor = models.CharField(max_length=200)
    actor_name = models.CharField(max_length=200)
    made_at = models.DateTimeField(auto_now_add=True)
    second = models.CharField(max_length=200, blank=True)
    second_name = models.CharField(max_length=200, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.CharField(max_length=200, blank=True)
    undone_by_name = models.CharField(max_length=200, blank=True)
    undone_at = models.DateTimeField(null=True, blank=True)
    undo_why = models.CharField(max_length=2000, blank=True)
    worked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = (
            models.Index(
                name="screening_stepbatch_open",
                fields=("state",),
                condition=models.Q(state__in=("waiting", "queued", "undoing")),
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.total} {self.state}"


class BatchedStepState(models.TextChoices):
    """What has become of one step of a batch."""

    WAITING = "waiting", _("Chưa làm")
    DONE = "done", _("Đã xong")
    SKIPPED = "skipped", _("Bỏ qua")
    UNDONE = "undone", _("Đã hoàn tác")


class BatchedStep(models.Model):
    """One person's step in a batch, on the list of `holder`. `event` is the staff decision that was written; `why` says
    why it was skipped.

    `known` is the mark of what was known of the round when it was frozen, see `screening.marks`.
    """

    batch = models.ForeignKey(StepBatch, on_delete=models.PROTECT, related_name="steps", db_index=False)
    episode = models.ForeignKey(Episode, db_constraint=False, on_delete=models.DO_NOTHING, related_name="batched")
    patient_id = models.CharField(max_length=64)
    step = models.CharField(max_length=40)
    holder = models.CharField(max_length=64, db_default="")
    state = models.CharField(max_length=8, choices=BatchedStepState.choices, default=BatchedStepState.WAITING)
    known = models.CharField(max_length=32, blank=True, db_default="")
    why = models.CharField(max_length=40, blank=True)
    event = models.UUIDField(null=True, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("batch", "episode", "holder"), name="screening_batchedstep_each"),
        )
        indexes = (models.Index(name="screening_batchedstep_state", fields=("batch", "state", "id")),)

    def __str__(self) -> str:
        return f"{self.batch_id} {self.episode_id} {self.state}"
