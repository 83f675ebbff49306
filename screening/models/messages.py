"""What is sent to people: the outbox, batches of letters, what people wish, and contacts found to be wrong.

All of it is truth of its own except EmailAddress, which is read from stored Patients. A message never holds a result:
its text comes from `screening/messages/texts.toml` alone, filled with a day, a time and a place.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _

from records.models import Citizen, Facility


class MessageKind(models.TextChoices):
    """Why somebody is written to. RESULT_READY says that there is news in the record, never what."""

    INVITATION = "invitation", _("Thư mời khám sàng lọc")
    REMINDER = "reminder", _("Nhắc lời mời")
    NONRESPONSE = "nonresponse", _("Nhắc lần cuối")
    RESULT_READY = "result_ready", _("Báo có tin mới trong hồ sơ")
    APPOINTMENT = "appointment", _("Lịch hẹn")
    APPOINTMENT_REMINDER = "appointment_reminder", _("Nhắc lịch hẹn")
    APPOINTMENT_CHANGED = "appointment_changed", _("Lịch hẹn thay đổi")
    CONTACT_US = "contact_us", _("Mời liên hệ cơ sở")
    RECORD_OPENED = "record_opened", _("Báo hồ sơ được mở khẩn cấp")


class Channel(models.TextChoices):
    ZALO = "zalo", _("Zalo")
    SMS = "sms", _("Tin nhắn SMS")
    EMAIL = "email", _("Thư điện tử")
    LETTER = "letter", _("Thư giấy")


class MessageState(models.TextChoices):
    """SENDING is held by a worker, or lies in a batch of letters that is not posted yet."""

    QUEUED = "queued", _("Chờ gửi")
    SENDING = "sending", _("Đang gửi")
    SENT = "sent", _("Đã gửi")
    FAILED = "failed", _("Không gửi được")
    CANCELLED = "cancelled", _("Đã hủy")


class BatchStage(models.TextChoices):
    MAKING = "making", _("Đang tạo tệp in")
    READY = "ready", _("Chờ in")
    PRINTED = "printed", _("Đã in, chờ gửi bưu điện")
    POSTED = "posted", _("Đã gửi bưu điện")


class LetterBatch(models.Model):
    """Letters of one facility and day in one PDF. `facility` None: the department sends them itself.

    `file` is a path below MEDIA_ROOT. `letters` counts those in the file, `pulled` those taken out before posting.
    """

    facility = models.ForeignKey(
        Facility, null=True, blank=True, db_constraint=False, db_index=False, on_delete=models.DO_NOTHING
    )
    day = models.DateField()
    stage = models.CharField(max_length=7, choices=BatchStage.choices, default=BatchStage.MAKING)
    letters = models.IntegerField(default=0)
    pulled = models.IntegerField(default=0)
    file = models.CharField(max_length=255, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    printed_at = models.DateTimeField(null=True, blank=True)
    printed_by = models.CharField(max_length=128, blank=True)
    posted_on = models.DateField(null=True, blank=True)
    posted_at = models.DateTimeField(null=True, blank=True)
    posted_by = models.CharField(max_length=128, blank=True)

    class Meta:
        indexes = (
            models.Index(name="screening_letters_facility", fields=("facility", "-id")),
            models.Index(name="screening_letters_open", fields=("day",), condition=~models.Q(stage="posted")),
        )

    def __str__(self) -> str:
        return f"{self.facility_id} {self.day} ({self.stage})"


class Message(models.Model):
    """One message to one person by one channel.

    `about` names what it is for ("invitation/12", "Appointment/018f…"); with the kind it makes `dedupe_key`, so that
    the same thing is told once. After a permanent failure the next channel gets a row of its own, with "/2" behind
    the key. `data` may hold `date` and `time` (ISO) and `place`, nothing else. `text` is kept when it goes out, with
    the version of the template. `token` stands in the link: it opens the sign-in page and says nothing.
    `reason` says why it failed or was cancelled (a code of `screening.messages.words`). `sent` is what a gateway took;
    its later report says that it reached the person's telephone or mailbox (`delivered_at`), or that it failed.
    """

    patient = models.ForeignKey(Citizen, db_constraint=False, db_index=False, on_delete=models.DO_NOTHING)
    facility = models.ForeignKey(
        Facility, null=True, blank=True, db_constraint=False, db_index=False, on_delete=models.DO_NOTHING
    )
    programme = models.CharField(max_length=40, blank=True)
    kind = models.CharField(max_length=20, choices=MessageKind.choices)
    channel = models.CharField(max_length=6, choices=Channel.choices, blank=True)
    address = models.CharField(max_length=512, blank=True)
    language = models.CharField(max_length=2, default="vi")
    about = models.CharField(max_length=128)
    data = models.JSONField(default=dict, blank=True)
    dedupe_key = models.CharField(max_length=200, unique=True)
    token = models.CharField(max_length=32)
    state = models.CharField(max_length=9, choices=MessageState.choices, default=MessageState.QUEUED)
    reason = models.CharField(max_length=32, blank=True)
    attempts = models.IntegerField(default=0)
    next_try_at = models.DateTimeField()
    claimed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=128)
    sent_at = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)
    opened_at = models.DateTimeField(null=True, blank=True)
    provider_id = models.CharField(max_length=128, blank=True)
    template = models.CharField(max_length=40, blank=True)
    text = models.TextField(blank=True)
    segments = models.IntegerField(default=0)
    batch = models.ForeignKey(
        LetterBatch, null=True, blank=True, on_delete=models.PROTECT, db_index=False, related_name="messages"
    )
    communication = models.CharField(max_length=64, blank=True)

    class Meta:
        indexes = (
            models.Index(name="screening_message_person", fields=("patient", "-id")),
            models.Index(
                name="screening_message_due",
                fields=("channel", "next_try_at", "id"),
                condition=models.Q(state__in=("queued", "sending")),
            ),
            models.Index(name="screening_message_about", fields=("about",)),
            models.Index(name="screening_message_token", fields=("token",)),
            models.Index(
                name="screening_message_provider",
                fields=("channel", "provider_id"),
                condition=models.Q(state="sent", delivered_at__isnull=True) & ~models.Q(provider_id=""),
            ),
            models.Index(name="screening_message_batch", fields=("batch",), condition=models.Q(batch__isnull=False)),
            models.Index(
                name="screening_message_unfiled",
                fields=("id",),
                condition=models.Q(state="sent", communication=""),
            ),
            models.Index(
                name="screening_message_failed",
                fields=("facility", "-id"),
                condition=models.Q(state="failed"),
            ),
        )

    def __str__(self) -> str:
        return f"{self.dedupe_key} ({self.channel}, {self.state})"


class MessagePreference(models.Model):
    """What a person wishes; without a row: Vietnamese, the best channel known, no Zalo."""

    patient = models.OneToOneField(Citizen, db_constraint=False, on_delete=models.DO_NOTHING, primary_key=True)
    language = models.CharField(max_length=2, choices=[("vi", "Tiếng Việt"), ("en", "English")], default="vi")
    channel = models.CharField(max_length=6, choices=Channel.choices, blank=True)
    zalo = models.BooleanField(default=False)
    no_messages = models.BooleanField(default=False)
    changed_at = models.DateTimeField(auto_now=True)
    changed_by = models.CharField(max_length=128)

    def __str__(self) -> str:
        return f"{self.patient_id}: {self.channel or 'best'}"


class BadContact(models.Model):
    """An address found not to be the person's. It is not used again until somebody clears it or it changes.

    `source` is "provider" (refused for good), "recipient" (said so by the link) or "staff".
    """

    patient = models.ForeignKey(Citizen, db_constraint=False, db_index=False, on_delete=models.DO_NOTHING)
    channel = models.CharField(max_length=6, choices=Channel.choices)
    address = models.CharField(max_length=512)
    source = models.CharField(max_length=9)
    reason = models.CharField(max_length=32)
    reported_at = models.DateTimeField()
    reported_by = models.CharField(max_length=128)
    cleared_at = models.DateTimeField(null=True, blank=True)
    cleared_by = models.CharField(max_length=128, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("patient", "channel", "address"),
                condition=models.Q(cleared_at__isnull=True),
                name="screening_badcontact_one_open",
            ),
        )

    def __str__(self) -> str:
        return f"{self.patient_id} {self.channel} ({self.reason})"


class EmailAddress(models.Model):
    """The first e-mail address in a person's Patient.telecom; no row for people without one."""

    patient = models.OneToOneField(Citizen, db_constraint=False, on_delete=models.DO_NOTHING, primary_key=True)
    address = models.CharField(max_length=254)

    def __str__(self) -> str:
        return self.address
