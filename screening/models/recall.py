from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from records.models import Area, Citizen
from screening.models.loose import LOOSE


class RecallRun(models.Model):
    """One night's call and recall, and how far it has got.

    ``steps`` are all there is to do, ``done`` those whose work has committed: a killed run goes on after them, and a
    second run of the same night finds nothing left. ``counts`` is what it did, by word. ``bounds`` cuts the people into
    chunks by id, in a run that counts everybody anew.
    """

    on = models.DateField()
    programmes = ArrayField(models.CharField(max_length=40))
    started_at = models.DateTimeField(auto_now_add=True)
    touched_at = models.DateTimeField(auto_now=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    bounds = models.JSONField(default=list)
    steps = models.JSONField(default=list)
    done = models.JSONField(default=list)
    counts = models.JSONField(default=dict)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("on", "programmes"), name="screening_recallrun_once"),)

    def __str__(self) -> str:
        return f"{self.on}: {len(self.done)}/{len(self.steps)}"

    @property
    def percent(self) -> int:
        """How much is done, 0 to 100."""
        return len(self.done) * 100 // len(self.steps) if self.steps else 0


class Balance(models.Model):
    """One night's books of a programme in an area: eligible = screened + due + … + unreachable + difference.

    ``eligible`` is counted from the stored Patients, not from Standing. ``missing`` are eligible people without a
    standing, ``surplus`` standings of people who are not eligible; both are in BalanceDifference, and eligible = the
    six + missing - surplus. ``unclear`` are people of whom it cannot be said (no birth date, no sex, no known address),
    ``excluded`` those whom a recorded fact takes out; neither is part of eligible.
    """

    on = models.DateField()
    programme = models.CharField(max_length=40)
    area = models.ForeignKey(Area, null=True, blank=True, related_name="+", **LOOSE)
    eligible = models.IntegerField()
    screened = models.IntegerField()
    due = models.IntegerField()
    overdue = models.IntegerField()
    deferred = models.IntegerField()
    ceased = models.IntegerField()
    unreachable = models.IntegerField()
    missing = models.IntegerField(default=0)
    surplus = models.IntegerField(default=0)
    unclear = models.IntegerField(default=0)
    excluded = models.IntegerField(default=0)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("on", "programme", "area"), nulls_distinct=False, name="screening_balance_once"
            ),
            models.CheckConstraint(
                condition=Q(
                    eligible=models.F("screened")
                    + models.F("due")
                    + models.F("overdue")
                    + models.F("deferred")
                    + models.F("ceased")
                    + models.F("unreachable")
                    + models.F("missing")
                    - models.F("surplus")
                ),
                name="screening_balance_adds_up",
            ),
        )

    def __str__(self) -> str:
        return f"{self.on} {self.programme} {self.area_id}: {self.eligible}"


class BalanceDifference(models.Model):
    """One person behind a difference, or of whom it cannot be said whether a programme is for her.

    ``kind`` is missing, surplus or unclear, from the newest books, or wrong: her standing was not what it had to be
    when she was counted again, and was put right. ``on`` is the night since which she is listed; ``detail`` says why
    (birth_date, sex, area for unclear).
    """

    on = models.DateField()
    programme = models.CharField(max_length=40)
    area = models.ForeignKey(Area, null=True, blank=True, related_name="+", **LOOSE)
    patient = models.ForeignKey(Citizen, related_name="+", **LOOSE)
    kind = models.CharField(max_length=8)
    detail = models.CharField(max_length=20, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("programme", "kind", "patient"), name="screening_difference_once"),
        )

    def __str__(self) -> str:
        return f"{self.programme} {self.kind} {self.patient_id}"


class CountedPerson(models.Model):
    """What a stored Patient's own text says of whom a programme is for: the other side of the nightly books.

    Read by ``recall.headcount`` from the store alone, never from Citizen but for the area. Those who live and are
    active; ``resident`` is whether the text places her in the city.
    """

    patient = models.CharField(primary_key=True, max_length=64)
    sex = models.CharField(max_length=20)
    birth_date = models.DateField(null=True, blank=True)
    area = models.ForeignKey(Area, null=True, blank=True, related_name="+", **LOOSE)
    resident = models.BooleanField()

    def __str__(self) -> str:
        return self.patient
