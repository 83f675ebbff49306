"""What HealthHub knows of a client and of an authorisation beyond django-oauth-toolkit's own rows."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Kind(models.TextChoices):
    """For whom a client works: a facility by itself, or the clinician or citizen who opens it."""

    SERVICE = "service", _("Phần mềm của cơ sở")
    CLINICIAN = "clinician", _("Ứng dụng cho nhân viên y tế")
    CITIZEN = "citizen", _("Ứng dụng cho người dân")


class Client(models.Model):
    """A registered piece of software. ``scopes`` are all it may ever ask for; a revoked one is out for good.

    ``facility`` is the id of the Organization that answers for it; an app for clinicians opens for that one's staff
    only. It signs in by a secret, of which the former works until ``former_secret_until``, or by a key of ``jwks`` or
    ``jwks_url``. ``launch_url`` is where an app for clinicians is opened from a person's page.
    """

    application = models.OneToOneField(
        settings.OAUTH2_PROVIDER_APPLICATION_MODEL, primary_key=True, on_delete=models.CASCADE, related_name="client"
    )
    kind = models.CharField(max_length=9, choices=Kind.choices)
    facility = models.CharField(max_length=64, blank=True)
    scopes = models.TextField()
    former_secret = models.CharField(max_length=255, blank=True)
    former_secret_until = models.DateTimeField(null=True, blank=True)
    jwks = models.JSONField(null=True, blank=True)
    jwks_url = models.URLField(blank=True)
    launch_url = models.URLField(blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.CheckConstraint(condition=models.Q(kind__in=Kind.values), name="oauth_client_kind"),
            models.CheckConstraint(
                condition=~models.Q(kind=Kind.CLINICIAN, facility=""), name="oauth_client_of_clinicians_has_facility"
            ),
        )

    def __str__(self) -> str:
        return f"{self.application_id} ({self.kind})"


class Authorisation(models.Model):
    """What a person let an app do in her name, and until when. Codes and tokens are kept as checksums only.

    ``membership`` is the one that the person acted by, ``patient`` and ``encounter`` what the app was opened for.
    """

    application = models.ForeignKey(
        settings.OAUTH2_PROVIDER_APPLICATION_MODEL, on_delete=models.CASCADE, related_name="authorisations"
    )
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="authorisations")
    membership = models.BigIntegerField()
    scope = models.TextField()
    patient = models.CharField(max_length=64, blank=True)
    encounter = models.CharField(max_length=64, blank=True)
    fhir_user = models.CharField(max_length=100, blank=True)
    code = models.CharField(max_length=64, unique=True)
    token = models.CharField(max_length=64, null=True, unique=True)
    family = models.UUIDField(null=True, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    until = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = (models.Index(name="oauth_authorisation_user", fields=("user", "created_at")),)

    def __str__(self) -> str:
        return f"{self.user_id} → {self.application_id}"
