"""Addresses of the worklist's work and of the failsafe."""

from django.urls import path

from screening.views import (
    bulk,
    city_batches,
    city_failsafe,
    city_reviews,
    closing,
    forgotten,
    steps,
    worklist,
    worklist_all,
)

urlpatterns = [
    path("clinic/worklist/undo/", bulk.undo, name="clinic-bulk-undo"),
    path("clinic/worklist/all/", worklist_all.assign_all, name="clinic-bulk-all"),
    path("clinic/worklist/<slug:action>/", bulk.bulk, name="clinic-bulk"),
    path("clinic/reminders/<int:reminder_id>/", worklist.read_reminder, name="clinic-reminder-read"),
    path("clinic/people/<id:patient_id>/preview/", worklist.preview, name="clinic-preview"),
    path("clinic/people/<id:patient_id>/contact/<slug:programme>/", steps.contact, name="clinic-contact"),
    path("clinic/people/<id:patient_id>/rounds/<uuid:episode_id>/reopen/", closing.reopen, name="clinic-reopen"),
    path("clinic/closed/", closing.closed, name="clinic-closed"),
    path("clinic/closed/<int:request_id>/", closing.decide, name="clinic-closure"),
    path("clinic/forgotten/", forgotten.forgotten_here, name="clinic-forgotten"),
    path("city/failsafe/", city_failsafe.failsafe, name="city-failsafe"),
    path("city/failsafe/people/", city_failsafe.people, name="city-failsafe-people"),
    path("city/failsafe/people/<slug:action>/", city_batches.ask, name="city-batch-ask"),
    path("city/failsafe/rounds/<uuid:episode_id>/", city_failsafe.handover, name="city-failsafe-handover"),
    path("city/failsafe/facilities/<id:facility_id>/", city_failsafe.reminder, name="city-failsafe-remind"),
    path("city/failsafe/batches/", city_batches.batches, name="city-batches"),
    path("city/failsafe/batches/<int:batch_id>/", city_batches.batch, name="city-batch"),
    path("city/failsafe/batches/<int:batch_id>/decide/", city_batches.decide, name="city-batch-decide"),
    path("city/failsafe/batches/<int:batch_id>/undo/", city_batches.undo, name="city-batch-undo"),
    path("city/failsafe/closings/", city_batches.closings, name="city-closings"),
    path("city/failsafe/closings/<int:request_id>/", city_batches.decide_closing, name="city-closing"),
    path("city/forgotten/", forgotten.forgotten, name="city-forgotten"),
    path("city/forgotten/<int:alarm_id>/", city_reviews.review, name="city-alarm-review"),
]
