"""Addresses of `records`: the front door and the citizen's own record."""

from django.urls import path

from records.navigation import add_pages
from records.views import apps, downloads, emergencies, home, invitations, me, requests, roles, staff

add_pages()

urlpatterns = [
    path("", home.home, name="home"),
    path("as/", roles.roles, name="roles"),
    path("me/", me.overview, name="me"),
    path("me/record/", me.record, name="me-record"),
    path("me/requests/", requests.mine, name="me-requests"),
    path("me/requests/new/", requests.ask, name="me-request-new"),
    path("requests/", requests.waiting, name="requests"),
    path("requests/<int:request_id>/", requests.answer, name="request"),
    path("me/download/", downloads.download, name="me-download"),
    path("me/record/<slug:group>/", me.record_group, name="me-record-group"),
    path("me/access/", me.access, name="me-access"),
    path("staff/", staff.members, name="staff"),
    path("staff/invite/", staff.invite, name="staff-invite"),
    path("staff/invitations/<int:invitation_id>/withdraw/", staff.withdraw, name="staff-withdraw"),
    path("staff/<int:membership_id>/end/", staff.end, name="staff-end"),
    path("invitation/", invitations.answer, name="invitation"),
    path("invitation/<str:token>/", invitations.open_link, name="invitation-open"),
    path("audit/emergencies/", emergencies.openings, name="audit-emergencies"),
    path("audit/emergencies/<int:opening_id>/", emergencies.review, name="audit-emergency"),
    path("oauth/authorize", apps.authorise, name="oauth-authorize"),
    path("apps/", apps.mine, name="my-apps"),
    path("clinic/people/<str:patient_id>/apps/", apps.for_person, name="person-apps"),
    path("clinic/people/<str:patient_id>/apps/<int:client_id>/", apps.open_for_person, name="person-app-open"),
]
