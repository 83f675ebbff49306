from django.db import models
from django.utils.translation import gettext_lazy as _


class MachineProtocol(models.TextChoices):
    HL7 = "hl7", _("HL7 v2 qua MLLP")
    ASTM = "astm", _("Tệp ASTM E1394")


class MachineConnection(models.Model):
    """A machine or laboratory system that may send results, and for which facility.

    An HL7 sender is known by MSH-4 (`sending_facility`), if given also MSH-3, and by the address that it calls from
    (`addresses`: IP addresses or networks by commas; MLLP itself carries no secret, so an empty list lets nobody in). A
    drop folder is known by `folder`. `tests` are the keys of the tests that it may send; empty means all.
    """

    name = models.CharField(max_length=100)
    facility = models.CharField(max_length=64)
    protocol = models.CharField(max_length=4, choices=MachineProtocol.choices)
    sending_facility = models.CharField(max_length=100, blank=True)
    sending_application = models.CharField(max_length=100, blank=True)
    addresses = models.CharField(max_length=500, blank=True)
    folder = models.CharField(max_length=500, blank=True)
    tests = models.JSONField(default=list, blank=True)
    encoding = models.CharField(max_length=20, blank=True)
    active = models.BooleanField(default=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("sending_facility", "sending_application"),
                condition=models.Q(protocol="hl7", active=True),
                name="screening_machine_sender",
            ),
        )

    def __str__(self) -> str:
        return self.name


class MachineMessage(models.Model):
    """A message or file as a machine sent it, with our answer; kept for a while in case of dispute.

    `connection` is None for a sender that we do not know. `accepted`: what it holds is stored or parked, so that the
    same `control_id` again gets the same answer and changes nothing. `digest` is of the raw bytes. One that was not
    accepted waits for somebody of the facility to say what became of it (`settled_as`, see machines.inbox). Of a file
    the `control_id` is its name, and `raw` its beginning.
    """

    connection = models.ForeignKey(MachineConnection, null=True, on_delete=models.PROTECT, related_name="messages")
    facility = models.CharField(max_length=64, blank=True)
    received_at = models.DateTimeField()
    peer = models.CharField(max_length=60, blank=True)
    control_id = models.CharField(max_length=200, blank=True)
    digest = models.CharField(max_length=64)
    raw = models.BinaryField()
    encoding = models.CharField(max_length=20, blank=True)
    accepted = models.BooleanField(default=False)
    answer = models.TextField(blank=True)
    problem = models.TextField(blank=True)
    stored = models.IntegerField(default=0)
    parked = models.IntegerField(default=0)
    settled_as = models.CharField(max_length=20, blank=True)
    settled_note = models.CharField(max_length=500, blank=True)
    settled_by = models.CharField(max_length=200, blank=True)
    settled_name = models.CharField(max_length=255, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("connection", "control_id"),
                condition=models.Q(accepted=True),
                name="screening_machinemessage_once",
            ),
        )
        indexes = (
            models.Index(name="screening_machine_received", fields=("received_at",)),
            models.Index(
                name="screening_machine_waiting",
                fields=("facility", "received_at"),
                condition=models.Q(accepted=False, settled_at__isnull=True),
            ),
            models.Index(name="screening_machine_facility", fields=("facility", "-received_at")),
        )

    def __str__(self) -> str:
        return f"{self.connection_id} {self.control_id}"
