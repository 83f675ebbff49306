"""The app's configuration."""

from django.apps import AppConfig
from django.core.checks import register


class ScreeningConfig(AppConfig):
    """Screening programmes; its hooks are registered with ``fhir`` when Django starts, after those of ``records``."""

    name = "screening"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from screening import versions  # noqa: F401  looks for new versions between tasks
        from screening.checks import check_protocols

        register(check_protocols)
        from screening import (  # noqa: F401  registering is the point of importing
            intake,
            leaving,  # after intake
            rebuild,
        )
        from screening.appointments import projection as _appointments  # noqa: F401
        from screening.failsafe import cancers  # noqa: F401  after intake and rebuild
        from screening.laboratory import expiry, notices, projection  # noqa: F401  after intake and rebuild; notices first
        from screening.messages import emails  # noqa: F401
        from screening.publishing import intake as _publishing  # noqa: F401
        from screening.recall import intake as _recall  # noqa: F401  after the pathway's hooks
        from screening.release import withhold
        from screening.statistics import cells  # noqa: F401  after rebuild: it counts what that remakes

        withhold()
