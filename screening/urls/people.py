"""Addresses of the people: worklist, finding somebody, her record, results and steps; what a citizen reads of hers."""

from django.urls import path

from screening.views import correcting, emergency, me, people, person, results, smoking, steps, worklist

urlpatterns = [
    path("me/results/", me.results, name="me-results"),
    path("me/results/<id:observation_id>/", me.result, name="me-result"),
    path("clinic/", worklist.worklist, name="clinic"),
    path("clinic/people/", people.people, name="clinic-people"),
    path("clinic/people/present/", people.present, name="clinic-present"),
    path("clinic/people/register/", people.register, name="clinic-register"),
    path("clinic/people/<id:patient_id>/", person.person, name="clinic-person"),
    path("clinic/people/<id:patient_id>/emergency/", emergency.open_person, name="clinic-person-emergency"),
    path("clinic/people/<id:patient_id>/smoking/", smoking.smoking, name="clinic-smoking"),
    path("clinic/emergency/", emergency.open_numbered, name="clinic-emergency"),
    path("clinic/emergency/<int:opening_id>/end/", emergency.end, name="clinic-emergency-end"),
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
    path(
        "clinic/people/<id:patient_id>/steps/<str:kind>/<id:source_id>/correct/",
        correcting.correct,
        name="clinic-step-correct",
    ),
    path(
        "clinic/people/<id:patient_id>/steps/<str:kind>/<id:source_id>/withdraw/",
        correcting.withdraw,
        name="clinic-step-withdraw",
    ),
    path("clinic/people/<id:patient_id>/rounds/<uuid:episode_id>/close/", steps.close, name="clinic-close"),
]
