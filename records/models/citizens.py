from collections.abc import Iterable

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models.functions import Right
from django.db.models.lookups import In

from records.identifiers import insurance_key
from records.models.areas import Area
from records.models.facilities import Facility


class BirthPrecision(models.TextChoices):
    DAY = "day"
    MONTH = "month"
    YEAR = "year"
    UNKNOWN = ""


class Citizen(models.Model):
    """One person, projected from the FHIR Patient of the same id: what lists, searches and screening need at hand.

    `folded_name` is `names.fold(full_name)`, `sort_key` is `names.sort_key(full_name)` (ASCII, compared byte by
    byte). `birth_date` is the first day of the period that `birth_precision` means. `sex` is FHIR's administrative
    gender. `cccd`, `insurance_number` and `phone` are normalised ("" when absent or not readable); they are *not*
    unique: two Patients may carry the same number until somebody has decided. `area` is the unit as recorded, at the
    address's own date. `warnings` holds the codes of `identifiers`. A deleted Patient stays with `active` false, so
    that nothing that points to it dangles.
    """

    patient_id = models.CharField(primary_key=True, max_length=64)
    full_name = models.CharField(max_length=255, blank=True)
    folded_name = models.CharField(max_length=255, blank=True)
    sort_key = models.CharField(max_length=1024, blank=True, db_collation="C")
    family = models.CharField(max_length=255, blank=True)
    given = models.CharField(max_length=255, blank=True)
    birth_date = models.DateField(null=True, blank=True)
    birth_precision = models.CharField(max_length=5, choices=BirthPrecision.choices, blank=True)
    sex = models.CharField(max_length=7, blank=True)
    cccd = models.CharField(max_length=12, blank=True)
    insurance_number = models.CharField(max_length=15, blank=True)
    phone = models.CharField(max_length=32, blank=True)
    address_text = models.CharField(max_length=512, blank=True)
    area = models.ForeignKey(Area, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    facility = models.ForeignKey(
        Facility,
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
        on_delete=models.DO_NOTHING,
        related_name="+",
    )
    deceased = models.BooleanField(default=False)
    active = models.BooleanField(default=True)
    warnings = models.JSONField(default=list, blank=True)

    class Meta:
        indexes = (
            GinIndex(name="records_citizen_name_trgm", fields=("folded_name",), opclasses=("gin_trgm_ops",)),
            models.Index(name="records_citizen_cccd", fields=("cccd",), condition=~models.Q(cccd="")),
            models.Index(
                name="records_citizen_insurance", fields=("insurance_number",), condition=~models.Q(insurance_number="")
            ),
            models.Index(Right("insurance_number", 10), name="records_citizen_insured"),
            models.Index(name="records_citizen_phone", fields=("phone",), condition=~models.Q(phone="")),
            models.Index(name="records_citizen_birth", fields=("birth_date",)),
            models.Index(name="records_citizen_sorted", fields=("sort_key", "patient_id")),
        )

    def __str__(self) -> str:
        return self.full_name


def carrying(numbers: Iterable[str]) -> models.Q:
    """Whoever carries one of these numbers as CCCD or health insurance; a card also by the 10 digits it ends in.

    The indexes leave out those without a number. PostgreSQL does not look through more than 100 values to find that
    none is empty, and would read all citizens for each chunk of a file: so it is said.
    """
    wanted = sorted(set(numbers))
    found = models.Q(cccd__in=wanted) & ~models.Q(cccd="")
    found |= models.Q(insurance_number__in=wanted) & ~models.Q(insurance_number="")
    if tails := [key for key in map(insurance_key, wanted) if len(key) == 10]:
        found |= models.Q(In(Right("insurance_number", 10), tails))
    return found
