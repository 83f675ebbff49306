from django.db import models


class UnpublishedPerson(models.Model):
    """A note, committed with what changed, that a person's EpisodeOfCare, CarePlan and Tasks must be written again.

    Appended only, doubles allowed: so writers never wait for each other here.
    """

    patient = models.CharField(max_length=64)

    def __str__(self) -> str:
        return self.patient
