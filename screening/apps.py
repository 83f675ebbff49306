"""The app's configuration."""

from importlib import import_module

from django.apps import AppConfig
from django.core.checks import register

HOOKS = (
    "screening.versions",  # looks for new protocol versions between tasks
    "screening.intake",  # the pathway, from which all that follow read
    "screening.leaving",  # after intake: who has died has no open step any more
    "screening.rebuild",
    "screening.appointments.projection",
    "screening.failsafe.cancers",
    "screening.failsafe.tries",
    "screening.laboratory.expiry",
    "screening.laboratory.readers",  # after the pathway, which knows what belongs to one round
    "screening.laboratory.second_entry",
    "screening.laboratory.notices",  # before the projection, which would know the new version only
    "screening.laboratory.projection",
    "screening.laboratory.handing_out",  # after the projection: an order may come in one batch with its kit
    "screening.laboratory.lots",
    "screening.laboratory.handing_on",  # after the projection, by which it knows the samples
    "screening.messages.codes",
    "screening.messages.emails",
    "screening.messages.openings",
    "screening.publishing.reopening",  # before the intake: what that closes has not been closed before
    "screening.publishing.intake",
    "screening.publishing.deciding",
    "screening.recall.intake",  # after the pathway: whoever it moved on is looked at again
    "screening.statistics.cells",  # after rebuild: it counts what that remakes
)
"""Modules that register themselves when they are imported; hooks run in this order."""


class ScreeningConfig(AppConfig):
    """Screening programmes; its hooks are registered with ``fhir`` when Django starts, after those of ``records``."""

    name = "screening"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        for module in HOOKS:
            import_module(module)
        from screening.checks import check_protocols
        from screening.release import withhold

        register(check_protocols)
        withhold()
