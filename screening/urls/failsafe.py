"""Addresses of the worklist's work and of the failsafe."""

from django.urls import path

from screening.views import bulk, closing, failsafe, steps, worklist

urlpatterns = [
    path("clinic/worklist/undo/", bulk.undo, name="clinic-bulk-undo"),
    path("clinic/worklist/<slug:action>/", bulk.bulk, name="clinic-bulk"),
    path("clinic/reminders/<int:reminder_id>/", worklist.read_reminder, name="clinic-reminder-read"),
    path("clinic/people/<id:patient_id>/preview/", worklist.preview, name="clinic-preview"),
    path("clinic/people/<id:patient_id>/contact/<slug:programme>/", steps.contact, name="clinic-contact"),
    path("clinic/people/<id:patient_id>/rounds/<uuid:episode_id>/reopen/", closing.reopen, name="clinic-reopen"),
    path("clinic/closed/", closing.closed, name="clinic-closed"),
    path("clinic/closed/<int:request_id>/", closing.decide, name="clinic-closure"),
    path("clinic/forgotten/", failsafe.forgotten_here, name="clinic-forgotten"),
    path("city/failsafe/", failsafe.failsafe, name="city-failsafe"),
    path("city/failsafe/people/", failsafe.people, name="city-failsafe-people"),
    path("city/failsafe/rounds/<uuid:episode_id>/", failsafe.handover, name="city-failsafe-handover"),
    path("city/failsafe/facilities/<id:facility_id>/", failsafe.reminder, name="city-failsafe-remind"),
    path("city/forgotten/", failsafe.forgotten, name="city-forgotten"),
]
