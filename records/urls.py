"""Addresses of `records`: the front door and the citizen's own record."""

from django.urls import path

from records.navigation import add_pages
from records.views import home, me, roles

add_pages()

urlpatterns = [
    path("", home.home, name="home"),
    path("as/", roles.roles, name="roles"),
    path("me/", me.overview, name="me"),
    path("me/record/", me.record, name="me-record"),
    path("me/record/<slug:group>/", me.record_group, name="me-record-group"),
    path("me/access/", me.access, name="me-access"),
]
