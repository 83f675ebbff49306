"""The access log: who did what with whose data. Rows are only ever added (a trigger refuses anything else)."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models


class AccessEntry(models.Model):
    """One access to one person's data, or to data about nobody (``patient`` is null).

    Written in the same statement or transaction as the access itself (see ``healthhub.audit.log``). ``transaction`` is
    PostgreSQL's transaction id: it lets a seal know that no earlier entry can still appear. ``client`` is the app that
    acted for the actor, ``address`` the network address it came from; both are "" where there is none.
    """

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField()
    transaction = models.BigIntegerField()
    actor = models.TextField()
    actor_name = models.TextField()
    role = models.TextField()
    facility = models.TextField(null=True)
    action = models.TextField()
    resource_type = models.TextField(blank=True)
    resource_id = models.TextField(blank=True)
    patient = models.TextField(null=True)
    reason = models.TextField(blank=True)
    client = models.TextField(blank=True, db_default="")
    address = models.TextField(blank=True, db_default="")

    class Meta:
        indexes = [
            models.Index("patient", "id", name="audit_entry_of_patient"),
            models.Index("actor", "id", name="audit_entry_of_actor"),
            models.Index("transaction", "id", name="audit_entry_transaction"),
            BrinIndex("at", name="audit_entry_at", autosummarize=True),  # lines come in the order of their times
        ]


class AccessSeal(models.Model):
    """A link of the hash chain: the digest of all entries up to a transaction id, and of the seal before it.

    Seals are numbered without gaps. ``format`` says how the digest is made (``healthhub.audit.seals``).
    """

    id = models.BigAutoField(primary_key=True)
    sealed_at = models.DateTimeField()
    after_transaction = models.BigIntegerField()
    up_to_transaction = models.BigIntegerField(unique=True)
    entries = models.IntegerField()
    digest = models.TextField()
    format = models.SmallIntegerField(db_default=1)
