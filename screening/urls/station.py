"""Addresses of the station that works without network."""

from django.urls import path

from screening.views import station

urlpatterns = [
    path("clinic/station/", station.station, name="clinic-station"),
    path("clinic/station/app/", station.app, name="clinic-station-app"),
    path("clinic/station/app.webmanifest", station.manifest, name="clinic-station-manifest"),
    path("clinic/station/worker.js", station.worker, name="clinic-station-worker"),
    path("clinic/station/session/", station.session, name="clinic-station-session"),
    path("clinic/station/list/", station.pack, name="clinic-station-pack"),
    path("clinic/station/sync/", station.sync, name="clinic-station-sync"),
]
