"""Addresses of `screening`: a citizen's results, the clinic's pages (/clinic/), the city's pages (/city/)."""

from django.urls import path

from screening.navigation import add_pages
from screening.views import me

add_pages()
me.register()

urlpatterns = [
    path("me/results/", me.results, name="me-results"),
    path("me/results/<str:observation_id>/", me.result, name="me-result"),
]
