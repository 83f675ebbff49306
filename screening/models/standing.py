from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from records.models import Area, Citizen, Facility
from screening.models.loose import LOOSE


class Status(models.TextChoices):
    """Where somebody for whom a programme is stands today; the order is that of precedence."""

    CEASED = "ceased", _("Đã ngừng mời")
    DEFERRED = "deferred", _("Đã hoãn")
    SCREENED = "screened", _("Đã sàng lọc")
    UNREACHABLE = "unreachable", _("Không liên lạc được")
    OVERDUE = "overdue", _("Quá hạn")
    DUE = "due", _("Đến hạn")


class Standing(models.Model):
    """One person for whom a programme is today, and why she stands where she stands. Derived; nobody writes it by hand.

    ``area`` is where she lives, as recorded; ``facility`` who calls her, None for the department.
    ``due_on`` is the next date (None if there is none), counted from ``due_from`` by ``due_rule`` of the protocol's
    version: ``age:<years>``, ``risk:<group>`` (at risk since then), ``category:<test>.<category>``, ``finding:…``,
    ``reason:…``, ``step:…``, ``deferral`` or ``episode`` (an older round that does not say). ``inputs`` holds what else
    explains it (see ``recall.explain``).
    ``since`` is the first day of this status.

    ``looks_on`` is the next day on which the passing of time alone changes this row (None: none that it knows), so a
    night works out only those whose day has come. ``call_on`` is the first day on which she may be called by what is
    known now (``recall.invitations``), None: to be worked out by the next run, 9999-12-31: not until something changes.
    """

    patient = models.ForeignKey(Citizen, related_name="standings", **LOOSE)
    programme = models.CharField(max_length=40)
    area = models.ForeignKey(Area, null=True, blank=True, related_name="+", **LOOSE)
    facility = models.ForeignKey(Facility, null=True, blank=True, related_name="+", **LOOSE)
    status = models.CharField(max_length=11, choices=Status.choices)
    due_on = models.DateField(null=True, blank=True)
    due_rule = models.CharField(max_length=100)
    due_from = models.DateField(null=True, blank=True)
    protocol_version = models.CharField(max_length=20)
    inputs = models.JSONField(default=dict)
    looks_on = models.DateField(null=True, blank=True)
    since = models.DateField()
    call_on = models.DateField(null=True, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("programme", "patient"), name="screening_standing_once"),
            models.CheckConstraint(
                condition=Q(due_on__isnull=False) | Q(status__in=("ceased", "screened", "deferred")),
                name="screening_standing_waits_for_a_day",
            ),
        )
        indexes = (
            models.Index(name="screening_standing_person", fields=("patient",)),
            models.Index(
                name="screening_standing_looks", fields=("programme", "looks_on"), condition=Q(looks_on__isnull=False)
            ),
            models.Index(name="screening_standing_call", fields=("programme", "call_on")),
            models.Index(name="screening_standing_caller", fields=("facility", "programme", "status", "due_on")),
        )

    def __str__(self) -> str:
        return f"{self.programme} {self.status} {self.due_on}"


class StalePerson(models.Model):
    """A note, committed with the write that made it, that a person's standings must be worked out again.

    Appended only, doubles allowed: so writers never wait for each other here.
    """

    patient = models.CharField(max_length=64)

    def __str__(self) -> str:
        return self.patient


class StandingsNight(models.Model):
    """Up to which night a programme's standings are worked out, and by what.

    ``on`` is the last night whose passing they all have seen; ``latest`` the latest day for which somebody's was worked
    out. ``rules`` stands for all that concerns everybody at once: the statement with the version's rules, and which
    facility calls whom; "" asks for a recount. ``checked`` is the id up to which the recount by shares has come.
    """

    programme = models.CharField(primary_key=True, max_length=40)
    on = models.DateField()
    latest = models.DateField()
    rules = models.CharField(max_length=64, blank=True)
    checked = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return f"{self.programme} {self.on}"
