"""Addresses below ``oauth/`` that software talks to; the consent page is ``records``'."""

from django.urls import path

from healthhub.accounts.oauth import views

urlpatterns = [
    path("token", views.token, name="oauth-token"),
    path("revoke", views.revoke, name="oauth-revoke"),
    path("introspect", views.introspect, name="oauth-introspect"),
    path("keys", views.keys, name="oauth-keys"),
]
