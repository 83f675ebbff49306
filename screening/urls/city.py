"""Addresses of the city's figures."""

from django.urls import path

from screening.views import city

urlpatterns = [
    path("city/", city.city, name="city"),
    path("city/<slug:table>.csv", city.download, name="city-csv"),
]
