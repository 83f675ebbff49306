"""Addresses."""

from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from oauth2_provider.views import TokenView

urlpatterns = [
    path("oauth/token", csrf_exempt(TokenView.as_view()), name="oauth-token"),
]
