"""Addresses of call and recall: who is due, and who decided otherwise."""

from django.urls import path

from screening.views import decisions, exclusions, recall

urlpatterns = [
    path("clinic/recall/", decisions.clinic_recall, name="clinic-recall"),
    path("clinic/recall/places/<slug:programme>/", recall.clinic_places, name="clinic-recall-places"),
    path(
        "clinic/people/<id:patient_id>/screening/<slug:programme>/<slug:kind>/",
        decisions.decide,
        name="clinic-recall-decide",
    ),
    path("clinic/people/<id:patient_id>/decisions/<id:request_id>/undo/", decisions.undo, name="clinic-recall-undo"),
    path("clinic/recall/excluded/<slug:programme>/", exclusions.clinic_excluded, name="clinic-recall-excluded"),
    path(
        "clinic/people/<id:patient_id>/excluded/<slug:programme>/withdraw/",
        exclusions.withdraw,
        name="clinic-exclusion-withdraw",
    ),
    path("me/screening/", decisions.mine, name="me-screening"),
    path("me/screening/decisions/<id:request_id>/undo/", decisions.undo_mine, name="me-screening-undo"),
    path("me/screening/<slug:programme>/<slug:kind>/", decisions.decide_for_me, name="me-screening-decide"),
    path("city/recall/", recall.recall, name="city-recall"),
    path("city/recall/places/<slug:programme>/<id:facility_id>/", recall.city_places, name="city-recall-places"),
    path("city/recall/<slug:programme>/excluded/", exclusions.city_excluded, name="city-recall-excluded"),
    path("city/recall/<slug:programme>/<slug:kind>/", recall.differences, name="city-recall-differences"),
]
