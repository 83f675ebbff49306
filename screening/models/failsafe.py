"""What staff do to move an open step on, and what the failsafe finds. See `screening.failsafe`.

Work (Assignment, ContactAttempt, ClosureRequest, FacilityReminder, Escalation) is truth of its own and only ever
appended to; an answer to it (a confirmation, a reading) fills columns that were empty. CancerCase and FailsafeAlarm are
derived. Rounds are named by id without a database constraint: a rebuild makes the same ids anew.
"""

from django.conf import settings
from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.db.models.functions import Cast
from django.utils.translation import gettext_lazy as _

from fhir.ids import new_id
from records.models import Citizen, Facility
from screening.models.episode import Episode


class Assignment(models.Model):
    """Somebody of the facility takes an open step in hand; `assignee` None gives it back to all. The newest holds.

    It is for one step: once the round has moved on to another, nobody is assigned.
    """

    episode = models.ForeignKey(Episode, db_constraint=False, on_delete=models.DO_NOTHING, related_name="assignments")
    step = models.CharField(max_length=40)
    facility = models.ForeignKey(Facility, db_constraint=False, on_delete=models.DO_NOTHING, related_name="+")
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    actor = models.CharField(max_length=200)
    actor_name = models.CharField(max_length=200)
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = (
            models.Index(name="screening_assignment_step", fields=("episode", "step", "-id")),
            models.Index(name="screening_assignment_who", fields=("assignee", "-id")),
        )

    def __str__(self) -> str:
        return f"{self.episode_id} {self.step} → {self.assignee_id}"


class ContactWay(models.TextChoices):
    """How somebody was tried."""

    PHONE = "phone", _("Gọi điện")
    VISIT = "visit", _("Đến nhà")
    LETTER = "letter", _("Gửi thư")
    MESSAGE = "message", _("Nhắn tin")
    IN_PERSON = "in_person", _("Gặp tại cơ sở")
    FAMILY = "family", _("Qua người nhà")


class ContactOutcome(models.TextChoices):
    """What came of it."""

    TOLD = "told", _("Đã báo kết quả và hướng dẫn")
    AGREED = "agreed", _("Đã liên lạc, đồng ý đi khám")
    THINKING = "thinking", _("Đã liên lạc, còn cân nhắc")
    DECLINED = "declined", _("Đã liên lạc, từ chối")
    NO_ANSWER = "no_answer", _("Không trả lời")
    WRONG_NUMBER = "wrong_number", _("Sai số hoặc sai địa chỉ")
    LEFT_MESSAGE = "left_message", _("Đã để lại lời nhắn")


class ContactAttempt(models.Model):
    """One try to reach a person, about a round or, before any, about her invitation (`episode` None)."""

    patient = models.ForeignKey(Citizen, db_constraint=False, on_delete=models.DO_NOTHING, related_name="+")
    programme = models.CharField(max_length=40)
    episode = models.ForeignKey(
        Episode, null=True, blank=True, db_constraint=False, on_delete=models.DO_NOTHING, related_name="contacts"
    )
    step = models.CharField(max_length=40, blank=True)
    contacted_at = models.DateTimeField()
    way = models.CharField(max_length=12, choices=ContactWay.choices)
    outcome = models.CharField(max_length=14, choices=ContactOutcome.choices)
    note = models.CharField(max_length=2000, blank=True)
    facility = models.ForeignKey(Facility, db_constraint=False, on_delete=models.DO_NOTHING, related_name="+")
    actor = models.CharField(max_length=200)
    actor_name = models.CharField(max_length=200)
    recorded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = (models.Index(name="screening_contact_person", fields=("patient", "programme", "-contacted_at")),)

    def __str__(self) -> str:
        return f"{self.patient_id} {self.way} {self.outcome}"


class ClosureRequest(models.Model):
    """A closing that a second person must confirm: until then the step stays open, with its clock and its owner.

    `accepted` None waits; False was refused, and then the step simply goes on. `known` is the mark of what was known of
    the round when it was asked for, see `screening.marks`: a request that was overtaken cannot be accepted. `task` is
    the id of its FHIR Task: that of the software that asked, or of the one which `publishing.closings` writes.
    """

    episode = models.ForeignKey(Episode, db_constraint=False, on_delete=models.DO_NOTHING, related_name="closures")
    step = models.CharField(max_length=40)
    known = models.CharField(max_length=32, blank=True, db_default="")
    task = models.CharField(
        max_length=64, unique=True, default=new_id, db_default=Cast(RandomUUID(), models.CharField())
    )
    reason = models.CharField(max_length=40)
    closed_on = models.DateField()
    note = models.CharField(max_length=2000, blank=True)
    evidence = models.CharField(max_length=500, blank=True)
    facility = models.ForeignKey(Facility, db_constraint=False, on_delete=models.DO_NOTHING, related_name="+")
    actor = models.CharField(max_length=200)
    actor_name = models.CharField(max_length=200)
    made_at = models.DateTimeField(auto_now_add=True)
    accepted = models.BooleanField(null=True, blank=True)
    second = models.CharField(max_length=200, blank=True)
    second_name = models.CharField(max_length=200, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("episode", "step"), condition=models.Q(accepted__isnull=True), name="screening_closure_one_open"
            ),
        )
        indexes = (
            models.Index(
                name="screening_closure_waiting", fields=("facility",), condition=models.Q(accepted__isnull=True)
            ),
        )

    def __str__(self) -> str:
        return f"{self.episode_id} {self.reason} {self.accepted}"


class FacilityReminder(models.Model):
    """The department asks a facility to look at its late steps; it stands on the facility's worklist until read."""

    facility = models.ForeignKey(Facility, db_constraint=False, on_delete=models.DO_NOTHING, related_name="+")
    text = models.CharField(max_length=1000, blank=True)
    overdue = models.IntegerField()
    actor = models.CharField(max_length=200)
    actor_name = models.CharField(max_length=200)
    made_at = models.DateTimeField(auto_now_add=True)
    read_by = models.CharField(max_length=200, blank=True)
    read_by_name = models.CharField(max_length=200, blank=True)
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = (models.Index(name="screening_reminder_facility", fields=("facility", "-made_at")),)

    def __str__(self) -> str:
        return f"{self.facility_id} {self.made_at:%Y-%m-%d}"


class Escalation(models.Model):
    """That a late step reached a level, noted once by the nightly run. What holds now is computed, never read here."""

    episode = models.ForeignKey(Episode, db_constraint=False, on_delete=models.DO_NOTHING, related_name="escalations")
    step = models.CharField(max_length=40)
    due_on = models.DateField()
    level = models.CharField(max_length=10)
    noted_on = models.DateField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("episode", "step", "due_on", "level"), name="screening_escalation_once"),
        )

    def __str__(self) -> str:
        return f"{self.episode_id} {self.level} {self.noted_on}"


class FailsafeRun(models.Model):
    """One run of the checks: how many each found, and how long it took. A night without a row is itself an alarm."""

    run_on = models.DateField()
    started_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    found = models.JSONField(default=dict)
    escalated = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"{self.run_on} {self.found}"


class FailsafeAlarm(models.Model):
    """Somebody whom a check found lost. It stays until a later run no longer finds her; then `gone_on` says when.

    `facts` says what was known of her when it was last found: a review holds only for the same facts.
    """

    check_name = models.CharField(max_length=40)
    subject = models.CharField(max_length=120)
    patient_id = models.CharField(max_length=64)
    programme = models.CharField(max_length=40, blank=True)
    facility_id = models.CharField(max_length=64, blank=True)
    since = models.DateField(null=True, blank=True)
    first_on = models.DateField()
    last_on = models.DateField()
    gone_on = models.DateField(null=True, blank=True)
    facts = models.CharField(max_length=200, db_default="")

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("check_name", "subject"),
                condition=models.Q(gone_on__isnull=True),
                name="screening_alarm_one_open",
            ),
        )
        indexes = (
            models.Index(
                name="screening_alarm_open", fields=("check_name", "since"), condition=models.Q(gone_on__isnull=True)
            ),
        )

    def __str__(self) -> str:
        return f"{self.check_name} {self.subject}"


class AlarmReview(models.Model):
    """Somebody looked at what a check found and says why nobody is lost. Appended only.

    It holds while the facts are those that were looked at; as soon as they change, the alarm stands again.
    """

    check_name = models.CharField(max_length=40)
    subject = models.CharField(max_length=120)
    facts = models.CharField(max_length=200)
    patient_id = models.CharField(max_length=64)
    why = models.CharField(max_length=2000)
    actor = models.CharField(max_length=200)
    actor_name = models.CharField(max_length=200)
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = (models.Index(name="screening_alarm_review", fields=("check_name", "subject")),)

    def __str__(self) -> str:
        return f"{self.check_name} {self.subject}"


class CancerMode(models.TextChoices):
    """How a cancer came to be known, as seen from the programme."""

    SCREEN_DETECTED = "screen_detected", _("Phát hiện nhờ sàng lọc")
    INTERVAL = "interval", _("Ung thư khoảng: sau kết quả âm tính")
    LAPSED = "lapsed", _("Âm tính trước đây, đã quá hạn sàng lọc")
    NOT_FOLLOWED = "not_followed", _("Dương tính nhưng chưa được khám xong")
    NON_PARTICIPANT = "non_participant", _("Chưa từng sàng lọc")


class CancerCase(models.Model):
    """A diagnosis that is the programme's cancer, and the screening before it. Derived from Conditions and results.

    One row for the first diagnosis of a person and programme: a second Condition of the same cancer is the same case.
    `last_negative` is the Observation of the newest negative result up to the diagnosis, "" without one.
    """

    condition_id = models.CharField(max_length=64)
    patient = models.ForeignKey(Citizen, db_constraint=False, on_delete=models.DO_NOTHING, related_name="cancers")
    programme = models.CharField(max_length=40)
    icd10 = models.CharField(max_length=10)
    diagnosed_on = models.DateField()
    mode = models.CharField(max_length=16, choices=CancerMode.choices)
    last_negative = models.CharField(max_length=64, blank=True)
    last_negative_on = models.DateField(null=True, blank=True)
    months_since = models.SmallIntegerField(null=True, blank=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("patient", "programme"), name="screening_cancer_once"),)
        indexes = (
            models.Index(name="screening_cancer_condition", fields=("condition_id",)),
            models.Index(name="screening_cancer_day", fields=("programme", "diagnosed_on")),
        )

    def __str__(self) -> str:
        return f"{self.programme} {self.diagnosed_on} {self.mode}"
