from django.db import models

from records.models import Area, Citizen
from screening.models.episode import Episode, EpisodeState


class OpenRound(models.Model):
    """An open round as it stands on one place's list: one row for each place that holds a step of it.

    `holder` is a facility, or "department" for people of no facility. `step` and `state` are of the place's most urgent
    step; `first_due_on`, `district_on` and `city_on` are the earliest of its own steps, not of the others'. The
    database keeps the rows, whoever writes rounds (the function `screening_hold`): lists and counts read them, and
    `screening.places` says what the round looks like from there.
    """

    episode = models.ForeignKey(
        Episode, db_constraint=False, db_index=False, on_delete=models.DO_NOTHING, related_name="places"
    )
    holder = models.CharField(max_length=64)
    patient = models.ForeignKey(
        Citizen, db_constraint=False, db_index=False, on_delete=models.DO_NOTHING, related_name="+"
    )
    programme = models.CharField(max_length=40)
    opened_on = models.DateField()
    step = models.CharField(max_length=40)
    state = models.CharField(max_length=20, choices=EpisodeState.choices)
    area = models.ForeignKey(
        Area, null=True, blank=True, db_constraint=False, db_index=False, on_delete=models.DO_NOTHING, related_name="+"
    )
    first_due_on = models.DateField()
    district_on = models.DateField()
    city_on = models.DateField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("episode", "holder"), name="screening_openround_once"),)
        indexes = (
            models.Index(
                name="screening_openround_list",
                fields=("holder", "first_due_on", "id"),
                include=("patient", "programme", "step", "state", "area", "district_on", "city_on", "episode"),
            ),
            models.Index(name="screening_openround_due", fields=("first_due_on", "id")),
        )

    def __str__(self) -> str:
        return f"{self.holder} {self.programme} {self.step}"
