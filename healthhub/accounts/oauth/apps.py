from django.apps import AppConfig


class OAuthConfig(AppConfig):
    """Clients, what they were let do, and by whom."""

    name = "healthhub.accounts.oauth"
    label = "oauth"
    default_auto_field = "django.db.models.BigAutoField"
