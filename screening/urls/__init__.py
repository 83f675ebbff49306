"""Addresses of `screening`, a module a room: a citizen's own (/me/), the clinic's (/clinic/), the city's (/city/)."""

from django.urls import include, path, register_converter
from django.urls.converters import StringConverter

from screening.navigation import add_pages
from screening.views import me, me_appointments, messages, notices

ROOMS = (
    "people",
    "failsafe",
    "appointments",
    "laboratory",
    "files",
    "station",
    "recall",
    "messages",
    "protocols",
    "city",
)


class IdConverter(StringConverter):
    """A FHIR id: what cannot be one is no address of ours, and never reaches the database."""

    regex = r"[A-Za-z0-9\-.]{1,64}"


register_converter(IdConverter, "id")
add_pages()
me_appointments.register()
me.register()
messages.register()
notices.add_banners()

urlpatterns = [path("", include(f"screening.urls.{room}")) for room in ROOMS]
