"""The app's configuration."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    """healthhub.web."""

    name = "healthhub.web"
    default_auto_field = "django.db.models.BigAutoField"
