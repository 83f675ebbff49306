from django.db import models

from records.models import Area


class StatisticsCell(models.Model):
    """How many tests of one month, sex and age band were done on people who lived in one area then.

    Derived from ScreeningResult by ``statistics.cells``. ``area`` is None where it is not known. ``month`` is the first
    day of the month in which the sample was taken. ``tested`` = positive + negative + inadequate + unclassified.
    ``referred`` and ``assessed`` count the positive results of this very cell that have led to a referral or an
    assessment since, whenever that was.
    """

    area = models.ForeignKey(
        Area, null=True, blank=True, db_constraint=False, on_delete=models.DO_NOTHING, related_name="+"
    )
    programme = models.CharField(max_length=40)
    test = models.CharField(max_length=40)
    month = models.DateField()
    sex = models.CharField(max_length=7)
    age_band = models.CharField(max_length=7)
    tested = models.IntegerField()
    positive = models.IntegerField()
    negative = models.IntegerField()
    inadequate = models.IntegerField()
    unclassified = models.IntegerField()
    referred = models.IntegerField()
    assessed = models.IntegerField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("programme", "test", "month", "area", "sex", "age_band"),
                nulls_distinct=False,
                name="screening_cell_unique",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    tested=models.F("positive")
                    + models.F("negative")
                    + models.F("inadequate")
                    + models.F("unclassified")
                ),
                name="screening_cell_adds_up",
            ),
        )

    def __str__(self) -> str:
        return f"{self.test} {self.month:%m/%Y} {self.area_id} {self.sex} {self.age_band}: {self.tested}"


class StaleCell(models.Model):
    """A note, committed with the write that made it, that the cells of a month must be counted again.

    Appended only, doubles allowed: so writers never wait for each other here.
    """

    area_id = models.BigIntegerField(null=True)
    programme = models.CharField(max_length=40)
    test = models.CharField(max_length=40)
    month = models.DateField()

    def __str__(self) -> str:
        return f"{self.test} {self.month:%m/%Y} {self.area_id}"


class StatisticsCheck(models.Model):
    """One nightly comparison of the cells with a full recount. ``details`` names the first differing cells."""

    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()
    cells = models.IntegerField()
    differences = models.IntegerField()
    details = models.JSONField(default=list)

    class Meta:
        ordering = ("-started_at",)

    def __str__(self) -> str:
        return f"{self.started_at:%d/%m/%Y}: {self.differences}/{self.cells}"
