"""Addresses of sessions and appointments."""

from django.urls import path

from screening.views import appointments, me_appointments, sessions

urlpatterns = [
    path("me/appointments/", me_appointments.appointments, name="me-appointments"),
    path("me/appointments/new/", me_appointments.new, name="me-appointment-new"),
    path("me/appointments/<id:appointment_id>/cancel/", me_appointments.cancel, name="me-appointment-cancel"),
    path("clinic/appointments/", appointments.day, name="clinic-appointments"),
    path("clinic/appointments/close/", appointments.close, name="clinic-appointments-close"),
    path("clinic/appointments/waiting/", appointments.waiting, name="clinic-appointments-waiting"),
    path("clinic/appointments/sessions/", sessions.sessions, name="clinic-sessions"),
    path("clinic/appointments/sessions/new/", sessions.new, name="clinic-session-new"),
    path("clinic/appointments/sessions/closed/<slug:day>/", sessions.reopen, name="clinic-day-reopen"),
    path("clinic/appointments/sessions/<id:session_id>/", sessions.session, name="clinic-session"),
    path("clinic/appointments/sessions/<id:session_id>/cancel/", sessions.cancel, name="clinic-session-cancel"),
    path("clinic/appointments/<id:appointment_id>/", appointments.appointment, name="clinic-appointment"),
    path("clinic/appointments/<id:appointment_id>/status/", appointments.status, name="clinic-appointment-status"),
    path("clinic/appointments/<id:appointment_id>/cancel/", appointments.cancel, name="clinic-appointment-cancel"),
    path("clinic/people/<id:patient_id>/appointments/new/", appointments.new, name="clinic-appointment-new"),
    path("clinic/people/<id:patient_id>/appointments/walk-in/", appointments.walk_in, name="clinic-walk-in"),
]
