"""The label that every resource of the simulation carries."""

from typing import Any

from django.conf import settings

META: dict[str, Any] = {
    "tag": [{"system": settings.FHIR_SYSTEMS["tag"], "code": "demo", "display": "Simulated data, about no real person"}]
}
