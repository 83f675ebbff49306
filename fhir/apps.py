"""The app's configuration."""

from django.apps import AppConfig


class FhirConfig(AppConfig):
    """FHIR R4 server."""

    name = "fhir"
    default_auto_field = "django.db.models.BigAutoField"
