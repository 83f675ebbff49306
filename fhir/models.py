"""The store's tables. Rows are written by ``fhir.store`` only.

Clinical data answers who, what, when, so these are columns whatever the resource's type; every other search goes
through hashed tokens (one GIN index) or the narrow index tables. The tables of resources and of superseded versions
are partitioned by type (see migration 0001): the planner then looks at one type's data only.
"""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models


class Resource(models.Model):
    """The current version of a resource; ``content`` is its text as it came, plus ``id`` and ``meta``.

    ``patient`` is the id of the Patient in whose compartment it lies; ``facility`` the Organization whose software or
    staff wrote it first; ``author`` the actor of this version. ``code`` is the main code as ``system|code``; ``starts``
    and ``ends`` the main clinical date as the period that its precision means.
    """

    pk = models.CompositePrimaryKey("type", "id")
    type = models.TextField()
    id = models.TextField()
    version = models.IntegerField()
    last_updated = models.DateTimeField()
    deleted = models.BooleanField(default=False)
    patient = models.TextField(null=True)
    facility = models.TextField(null=True)
    author = models.TextField()
    code = models.TextField(null=True)
    starts = models.DateTimeField(null=True)
    ends = models.DateTimeField(null=True)
    tokens = ArrayField(models.BigIntegerField())
    content = models.TextField()

    class Meta:
        indexes = [
            models.Index(
                "type",
                "patient",
                "code",
                models.F("starts").desc(nulls_last=True),
                "id",
                name="fhir_resource_who_what_when",
            ),
            models.Index("type", "code", "starts", name="fhir_resource_what_when"),
            models.Index("type", "last_updated", "id", name="fhir_resource_updated"),
            GinIndex(fields=["tokens"], name="fhir_resource_tokens"),
        ]


class ResourceVersion(models.Model):
    """A version that a later one superseded. Never changed, never removed: corrections leave the old text readable."""

    pk = models.CompositePrimaryKey("type", "id", "version")
    type = models.TextField()
    id = models.TextField()
    version = models.IntegerField()
    last_updated = models.DateTimeField()
    deleted = models.BooleanField(default=False)
    patient = models.TextField(null=True)
    facility = models.TextField(null=True)
    author = models.TextField()
    content = models.TextField()


class ExactNumberField(models.Field):
    """A number of any size and precision, as FHIR's ``decimal`` is: DecimalField would round it or fail."""

    def db_type(self, connection: Any) -> str:
        return "numeric"


class IndexRow(models.Model):
    """What the narrow index tables share: which resource, and in ``param`` the path of its element (``name.family``).

    Parameters that read the same element share its rows; a parameter that reads several asks for any of their paths.
    """

    id = models.BigAutoField(primary_key=True)
    type = models.TextField()
    resource = models.TextField()
    param = models.TextField()

    class Meta:
        abstract = True


class StringIndex(IndexRow):
    """A string parameter: ``folded`` for the default search (no case, no accents), ``exact`` for ``:exact``."""

    folded = models.TextField()
    exact = models.TextField()

    class Meta:
        indexes = [
            models.Index(
                fields=["type", "param", "folded"],
                opclasses=["text_ops", "text_ops", "text_pattern_ops"],  # LIKE 'abc%' under any collation
                name="fhir_string_value",
            ),
            models.Index("type", "resource", name="fhir_string_resource"),
        ]


class DateIndex(IndexRow):
    """A date parameter as the period [low, high) that its precision means; an open end is null."""

    low = models.DateTimeField(null=True)
    high = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index("type", "param", "low", "high", name="fhir_date_value"),
            models.Index("type", "resource", name="fhir_date_resource"),
        ]


class NumberIndex(IndexRow):
    """A number parameter: ``low`` = ``high`` = the value as written; a range has both ends, an open one is null."""

    low = ExactNumberField(null=True)
    high = ExactNumberField(null=True)

    class Meta:
        indexes = [
            models.Index("type", "param", "low", "high", name="fhir_number_value"),
            models.Index("type", "resource", name="fhir_number_resource"),
        ]


class QuantityIndex(IndexRow):
    """A quantity parameter: numbers as in NumberIndex, ``system|code`` of the unit and the unit as written."""

    low = ExactNumberField(null=True)
    high = ExactNumberField(null=True)
    code = models.TextField(blank=True)
    unit = models.TextField(blank=True)

    class Meta:
        indexes = [
            models.Index("type", "param", "low", "high", name="fhir_quantity_value"),
            models.Index("type", "resource", name="fhir_quantity_resource"),
        ]
