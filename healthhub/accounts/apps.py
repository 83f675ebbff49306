"""The app's configuration."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """healthhub.accounts."""

    name = "healthhub.accounts"
    default_auto_field = "django.db.models.BigAutoField"
