"""The app's configuration."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """healthhub.audit."""

    name = "healthhub.audit"
    default_auto_field = "django.db.models.BigAutoField"
