from django.db import models

from records.models.areas import Area


class Facility(models.Model):
    """A health facility, projected from the FHIR Organization of the same id.

    `code` is the 5-character facility code (mã cơ sở KCB). An Organization without one is a party that only appears in
    the records of others: it has a row, but no writes are kept from it or for it. `kind` is the first code of
    Organization.type, "" when it has none.
    """

    organization_id = models.CharField(primary_key=True, max_length=64)
    code = models.CharField(max_length=5, null=True, blank=True, unique=True)
    name = models.CharField(max_length=255, blank=True)
    kind = models.CharField(max_length=64, blank=True)
    area = models.ForeignKey(Area, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    active = models.BooleanField(default=True)

    class Meta:
        verbose_name_plural = "facilities"

    def __str__(self) -> str:
        return self.name


class Practitioner(models.Model):
    """A health worker, projected from the FHIR Practitioner of the same id.

    `facility` comes from the newest PractitionerRole that names both; None without one.
    """

    practitioner_id = models.CharField(primary_key=True, max_length=64)
    name = models.CharField(max_length=255, blank=True)
    facility = models.ForeignKey(
        Facility, null=True, blank=True, db_constraint=False, on_delete=models.DO_NOTHING, related_name="practitioners"
    )

    def __str__(self) -> str:
        return self.name
