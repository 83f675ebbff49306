from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from records.models import Area, Citizen


class EpisodeState(models.TextChoices):
    """Where a round stands. Every state but CLOSED has an owner, a due date and an exit."""

    TO_VERIFY = "to_verify", _("Cần kiểm tra kết quả")
    READING_DUE = "reading_due", _("Cần đọc phim lần nữa")
    REPEAT_DUE = "repeat_due", _("Cần lấy lại mẫu")
    TRIAGE_DUE = "triage_due", _("Cần xét nghiệm phân loại")
    ASSESSMENT_DUE = "assessment_due", _("Cần khám chẩn đoán")
    REFERRED = "referred", _("Đã giới thiệu đi khám")
    DECISION_DUE = "decision_due", _("Cần hội chẩn")
    TREATMENT_DUE = "treatment_due", _("Cần điều trị")
    SURVEILLANCE_DUE = "surveillance_due", _("Đang theo dõi")
    CLOSED = "closed", _("Đã kết thúc")


class Episode(models.Model):
    """One person's round of one programme: a cache of what `protocol.fold_rounds` says of the events.

    `id` is made from the person, the programme and the round's first source, so that a rebuild gives the same one. Of
    an open round `due_on` is when `step` is due, `warn_on` when its owner is warned, `limit_on` its last day; of a
    closed one `due_on` is the next round, or None if there is none. `due_on` counts from `due_from` by `due_rule` (see
    `protocol.events.EpisodeState`). `owner` is an Organization id, or "department" where no facility is known.
    `outcome` of a closed one: negative, assessed (`detail`: the finding), closed (`detail`: the reason), withdrawn.
    `needs` lists every open step, the one of `step` first: step, state, source ("Type/id"), category (or finding),
    owner, due_on, warn_on, limit_on, district_on, city_on. `waived` lists the steps that were closed for a reason and
    not done since, of an open round or a closed one: step, source, category, place (who held it), reason, closing (the
    event's source id, "" for a death), on. `waived_on` is the newest of these days.

    Of all open steps `first_due_on` is the earliest due date, `district_on` and `city_on` the first day on which one of
    them is late enough to be told there (None once closed). `holder` is whose list `step` is on: its owner's, or for
    the department's that of the facility to which the person belongs now; steps of others are on their own lists, see
    `OpenRound`. `area` is where she lives now.
    """

    id = models.UUIDField(primary_key=True)
    patient = models.ForeignKey(Citizen, db_constraint=False, on_delete=models.DO_NOTHING, related_name="episodes")
    programme = models.CharField(max_length=40)
    protocol_version = models.CharField(max_length=20)
    opened_on = models.DateField()
    state = models.CharField(max_length=20, choices=EpisodeState.choices)
    step = models.CharField(max_length=40, blank=True)
    category = models.CharField(max_length=40, blank=True)
    due_on = models.DateField(null=True, blank=True)
    due_from = models.DateField(null=True, blank=True)
    due_rule = models.CharField(max_length=100, blank=True)
    warn_on = models.DateField(null=True, blank=True)
    limit_on = models.DateField(null=True, blank=True)
    owner = models.CharField(max_length=64)
    closed_on = models.DateField(null=True, blank=True)
    outcome = models.CharField(max_length=20, blank=True)
    detail = models.CharField(max_length=40, blank=True)
    needs = models.JSONField(default=list)
    waived = models.JSONField(default=list, db_default=[])
    first_due_on = models.DateField(null=True, blank=True)
    district_on = models.DateField(null=True, blank=True)
    city_on = models.DateField(null=True, blank=True)
    waived_on = models.DateField(null=True, blank=True)
    holder = models.CharField(max_length=64, db_default="")
    area = models.ForeignKey(
        Area, null=True, blank=True, db_constraint=False, db_index=False, on_delete=models.DO_NOTHING, related_name="+"
    )

    class Meta:
        indexes = (
            models.Index(name="screening_episode_person", fields=("patient", "programme", "opened_on")),
            models.Index(name="screening_episode_due", fields=("programme", "state", "due_on")),
        )
        constraints = (
            models.CheckConstraint(
                condition=models.Q(state="closed", closed_on__isnull=False)
                | (
                    models.Q(closed_on__isnull=True, due_on__isnull=False, warn_on__isnull=False)
                    & models.Q(first_due_on__isnull=False, district_on__isnull=False, city_on__isnull=False)
                    & ~models.Q(step="")
                    & ~models.Q(owner="")
                ),
                name="screening_episode_open_has_owner_due_step",
            ),
        )

    def __str__(self) -> str:
        return f"{self.programme} {self.opened_on} {self.state}"


class EventKind(models.TextChoices):
    RESULT = "result", _("Kết quả")
    REFERRED = "referred", _("Giới thiệu đi khám")
    ASSESSED = "assessed", _("Đã khám chẩn đoán")
    CORRECTED = "corrected", _("Sửa kết quả")
    WITHDRAWN = "withdrawn", _("Rút lại")
    CLOSED = "closed", _("Kết thúc có lý do")
    HANDED = "handed", _("Chuyển cơ sở phụ trách")
    CONTACTED = "contacted", _("Đã báo cho người dân")
    DIED = "died", _("Đã mất")


class EpisodeEvent(models.Model):
    """Something that happened to a person in a programme. Appended only, which a trigger in the database enforces;
    `episode` alone may be set anew by a re-fold.

    `fact` is what the source says, `kind` what this event did: the fact itself, or "corrected" (a later version that
    says something else) or "withdrawn". `data` is described at `protocol.events.Event`. `programme` is "" and `episode`
    None for facts of the person: that she was told of a result, that she has died.
    """

    id = models.UUIDField(primary_key=True)
    patient = models.ForeignKey(Citizen, db_constraint=False, on_delete=models.DO_NOTHING, related_name="+")
    programme = models.CharField(max_length=40, blank=True)
    episode = models.ForeignKey(
        Episode, null=True, blank=True, db_constraint=False, on_delete=models.DO_NOTHING, related_name="events"
    )
    kind = models.CharField(max_length=10, choices=EventKind.choices)
    fact = models.CharField(max_length=10)
    occurred_on = models.DateField()
    recorded_at = models.DateTimeField()
    source_type = models.CharField(max_length=64)
    source_id = models.CharField(max_length=64)
    source_version = models.IntegerField()
    data = models.JSONField(default=dict)
    actor = models.CharField(max_length=200)

    class Meta:
        indexes = (
            models.Index(name="screening_event_person", fields=("patient", "programme")),
            models.Index(name="screening_event_source", fields=("source_id", "source_type")),
            models.Index(name="screening_event_episode", fields=("episode",)),
            # What ends a round's wait, among all that ever happened to a person: the failsafe asks for it of every
            # positive there has ever been, every night, and finds it here without reading the events themselves.
            models.Index(
                name="screening_event_ending",
                fields=("patient",),
                include=("programme", "fact", "kind", "occurred_on", "source_id", "source_type", "source_version"),
                condition=Q(fact__in=("assessed", "closed", "died")),
            ),
            # What was taken back lately: the failsafe asks for it every night, among all events there have ever been.
            models.Index(name="screening_event_withdrawn", fields=("recorded_at",), condition=Q(kind="withdrawn")),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.occurred_on} {self.source_type}/{self.source_id}"
