"""Addresses of `screening`: a citizen's results, the clinic's pages (/clinic/), the city's pages (/city/)."""

from django.urls import path, register_converter
from django.urls.converters import StringConverter

from screening.navigation import add_pages
from screening.views import city, imports, me, people, person, results, station, steps, worklist


class IdConverter(StringConverter):
    """A FHIR id: what cannot be one is no address of ours, and never reaches the database."""

    regex = r"[A-Za-z0-9\-.]{1,64}"


register_converter(IdConverter, "id")
add_pages()
me.register()

urlpatterns = [
    path("me/results/", me.results, name="me-results"),
    path("me/results/<id:observation_id>/", me.result, name="me-result"),
    path("clinic/", worklist.worklist, name="clinic"),
    path("clinic/people/", people.people, name="clinic-people"),
    path("clinic/people/present/", people.present, name="clinic-present"),
    path("clinic/people/register/", people.register, name="clinic-register"),
    path("clinic/people/<id:patient_id>/", person.person, name="clinic-person"),
    path("clinic/people/<id:patient_id>/results/new/", results.new, name="clinic-result-new"),
    path(
        "clinic/people/<id:patient_id>/results/<id:observation_id>/correct/",
        results.correct,
        name="clinic-result-correct",
    ),
    path(
        "clinic/people/<id:patient_id>/results/<id:observation_id>/withdraw/",
        results.withdraw,
        name="clinic-result-withdraw",
    ),
    path("clinic/people/<id:patient_id>/results/<id:observation_id>/refer/", steps.refer, name="clinic-refer"),
    path("clinic/people/<id:patient_id>/results/<id:observation_id>/assess/", steps.assess, name="clinic-assess"),
    path("clinic/people/<id:patient_id>/rounds/<uuid:episode_id>/close/", steps.close, name="clinic-close"),
    path("clinic/imports/", imports.batches, name="clinic-imports"),
    path("clinic/imports/template.<str:kind>", imports.template, name="clinic-import-template"),
    path("clinic/imports/<int:batch_id>/", imports.batch, name="clinic-import"),
    path("clinic/imports/<int:batch_id>/errors.csv", imports.errors, name="clinic-import-errors"),
    path("clinic/station/", station.station, name="clinic-station"),
    path("clinic/station/app/", station.app, name="clinic-station-app"),
    path("clinic/station/app.webmanifest", station.manifest, name="clinic-station-manifest"),
    path("clinic/station/worker.js", station.worker, name="clinic-station-worker"),
    path("clinic/station/session/", station.session, name="clinic-station-session"),
    path("clinic/station/list/", station.pack, name="clinic-station-pack"),
    path("clinic/station/sync/", station.sync, name="clinic-station-sync"),
    path("city/", city.city, name="city"),
    path("city/<slug:table>.csv", city.download, name="city-csv"),
]
