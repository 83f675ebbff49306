from django.conf import settings
from django.db import models

from healthhub.accounts.actors import Role
from records.models.areas import Area
from records.models.citizens import Citizen
from records.models.facilities import Facility


class CareBasis(models.TextChoices):
    """Why a facility may read a person.

    It wrote in her record, she showed her number and birth date there, or the health department gave it a step of hers
    or had it call her.
    """

    WROTE = "wrote"
    PRESENTED = "presented"
    HANDED = "handed"
    CALLED = "called"


class CareRelation(models.Model):
    """A facility that cares for a person, and since when.

    'wrote' is derived from the stored resources, the others are truth of their own, and a
    person may have several at one facility.
    """

    patient = models.ForeignKey(
        Citizen, db_constraint=False, db_index=False, on_delete=models.DO_NOTHING, related_name="care"
    )
    facility = models.ForeignKey(
        Facility, db_constraint=False, db_index=False, on_delete=models.DO_NOTHING, related_name="care"
    )
    basis = models.CharField(max_length=9, choices=CareBasis.choices)
    since = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("patient", "facility", "basis"), name="records_carerelation_unique"),
        )
        indexes = (models.Index(name="records_care_facility", fields=("facility", "patient")),)

    def __str__(self) -> str:
        return f"{self.patient_id} – {self.facility_id} ({self.basis})"


class Consent(models.Model):
    """A person lets a facility read her record, until she withdraws; a new consent is a new row."""

    patient = models.ForeignKey(
        Citizen, db_constraint=False, db_index=False, on_delete=models.DO_NOTHING, related_name="consents"
    )
    facility = models.ForeignKey(
        Facility, db_constraint=False, db_index=False, on_delete=models.DO_NOTHING, related_name="consents"
    )
    granted_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("patient", "facility"),
                condition=models.Q(withdrawn_at__isnull=True),
                name="records_consent_one_active",
            ),
        )

    def __str__(self) -> str:
        return f"{self.patient_id} → {self.facility_id}"


class Membership(models.Model):
    """What a signed-in user, or an OAuth client, is in this system: role, and the facility, person or area it is for.

    Exactly one of `user` and `client_id` is set. A user may hold several, of which one counts at a time (see
    `records.memberships`); a client has one. Not `active`, or after its last day `valid_to`, it is without effect.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE, related_name="memberships"
    )
    client_id = models.CharField(max_length=100, null=True, blank=True)
    role = models.CharField(max_length=20, choices=[(role.value, role.value) for role in Role])
    facility = models.ForeignKey(
        Facility, null=True, blank=True, db_constraint=False, on_delete=models.DO_NOTHING, related_name="memberships"
    )
    patient = models.ForeignKey(
        Citizen, null=True, blank=True, db_constraint=False, on_delete=models.DO_NOTHING, related_name="memberships"
    )
    area = models.ForeignKey(Area, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    active = models.BooleanField(default=True)
    valid_to = models.DateField(null=True, blank=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=models.Q(user__isnull=False, client_id__isnull=True)
                | models.Q(user__isnull=True, client_id__isnull=False),
                name="records_membership_user_or_client",
            ),
            models.UniqueConstraint(
                fields=("user", "role", "facility", "patient", "area"),
                condition=models.Q(active=True, user__isnull=False),
                nulls_distinct=False,
                name="records_membership_once",
            ),
            models.UniqueConstraint(
                fields=("client_id",), condition=models.Q(active=True), name="records_membership_one_per_client"
            ),
        )

    def __str__(self) -> str:
        return f"{self.user_id or self.client_id}: {self.role}"


class StaffInvitation(models.Model):
    """Somebody is asked by e-mail to take a role: answered once, until `until`, or withdrawn.

    `name` is how the inviter calls her, until she has an account of her own. `facility` is set for a facility's roles,
    `area` for an officer of a part of the city. `membership` is what came of it. The link in the letter names the row
    and is signed; nothing that opens it is stored.
    """

    email = models.EmailField()
    name = models.CharField(max_length=200)
    role = models.CharField(max_length=20, choices=[(role.value, role.value) for role in Role])
    facility = models.ForeignKey(
        Facility, null=True, blank=True, db_constraint=False, on_delete=models.DO_NOTHING, related_name="+"
    )
    area = models.ForeignKey(Area, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    invited_at = models.DateTimeField()
    until = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    membership = models.OneToOneField(Membership, null=True, blank=True, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("email", "role", "facility", "area"),
                condition=models.Q(withdrawn_at__isnull=True, membership__isnull=True),
                nulls_distinct=False,
                name="records_staffinvitation_one_open",
            ),
        )

    def __str__(self) -> str:
        return f"{self.pk}: {self.role}"
