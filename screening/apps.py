"""The app's configuration."""

from django.apps import AppConfig


class ScreeningConfig(AppConfig):
    """Screening programmes; its hooks are registered with ``fhir`` when Django starts, after those of ``records``."""

    name = "screening"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from screening import intake, rebuild  # noqa: F401  registering is the point of importing
        from screening.laboratory import projection  # noqa: F401  after intake and rebuild: it reads their results
        from screening.appointments import projection as _appointments  # noqa: F401
        from screening.messages import emails  # noqa: F401
        from screening.statistics import cells  # noqa: F401  after rebuild: it counts what that remakes
