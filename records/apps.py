from django.apps import AppConfig


class RecordsConfig(AppConfig):
    """People, places and access; its hooks are registered with `fhir` when Django starts."""

    name = "records"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from records import projections, sign_ins, validation  # noqa: F401  registering is the point of importing
