from datetime import date

from django.db import models
from django.utils.translation import gettext_lazy as _

from records.models import Area, Citizen, Facility
from screening.models.episode import Episode


class Outcome(models.TextChoices):
    POSITIVE = "positive", _("Dương tính")
    NEGATIVE = "negative", _("Âm tính")
    INADEQUATE = "inadequate", _("Mẫu không đạt")
    UNCLASSIFIED = "unclassified", _("Chưa phân loại được")


def shown_on(day: date) -> models.Q:
    """The results that the person they are about may see on that day."""
    return models.Q(released_on__lte=day) | models.Q(hold_until__lte=day)


class ScreeningResult(models.Model):
    """A screening Observation as the protocol reads it; one row each, gone when it is deleted or entered in error.

    `category` is a key of the protocol's test, `outcome` what it counts as. `value`, `unit` (UCUM), `cutoff` (in
    `unit`) are of measured results. `facility` is the laboratory or station that performed the test, `area` where the
    person lived when it was recorded, `age` in completed years on `collected_on`; `status` is the Observation's.
    `explanation` says by language how the result was read, or why it could not be. The person herself sees the result
    from `released_on` (told by staff, or nothing to hold back) or `hold_until` (nobody told her in time), whichever
    comes first: `shown_on`. Both are None while it is preliminary. Without either she reads that she will be contacted.
    """

    observation_id = models.CharField(primary_key=True, max_length=64)
    patient = models.ForeignKey(Citizen, db_constraint=False, on_delete=models.DO_NOTHING, related_name="results")
    episode = models.ForeignKey(
        Episode, null=True, blank=True, db_constraint=False, on_delete=models.DO_NOTHING, related_name="results"
    )
    programme = models.CharField(max_length=40)
    test = models.CharField(max_length=40)
    category = models.CharField(max_length=40)
    outcome = models.CharField(max_length=12, choices=Outcome.choices)
    value = models.DecimalField(max_digits=18, decimal_places=6, null=True, blank=True)
    comparator = models.CharField(max_length=2, blank=True)
    unit = models.CharField(max_length=20, blank=True)
    kit = models.CharField(max_length=100, blank=True)
    cutoff = models.DecimalField(max_digits=18, decimal_places=6, null=True, blank=True)
    explanation = models.JSONField(default=dict)
    collected_on = models.DateField()
    resulted_on = models.DateField(null=True, blank=True)
    specimen_id = models.CharField(max_length=100, blank=True)
    facility = models.ForeignKey(
        Facility, null=True, blank=True, db_constraint=False, on_delete=models.DO_NOTHING, related_name="+"
    )
    facility_code = models.CharField(max_length=5, blank=True)
    area = models.ForeignKey(Area, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    sex = models.CharField(max_length=7, blank=True)
    age = models.SmallIntegerField(null=True, blank=True)
    status = models.CharField(max_length=20)
    version = models.IntegerField()
    released_on = models.DateField(null=True, blank=True)
    hold_until = models.DateField(null=True, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("facility", "specimen_id", "test"),
                condition=~models.Q(specimen_id=""),
                name="screening_result_specimen",
            ),
        )
        indexes = (
            models.Index(name="screening_result_person", fields=("patient", "programme", "-collected_on")),
            models.Index(name="screening_result_cell", fields=("area", "programme", "test", "collected_on")),
            models.Index(name="screening_result_episode", fields=("episode",)),
            models.Index(name="screening_result_facility", fields=("facility", "collected_on")),
        )

    def __str__(self) -> str:
        return f"{self.test} {self.collected_on} {self.category}"

    def is_shown(self, day: date) -> bool:
        """Whether the person may see it on that day; `shown_on` is the same as a query."""
        return any(start is not None and start <= day for start in (self.released_on, self.hold_until))
