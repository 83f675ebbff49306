"""Addresses."""

from django.urls import path, re_path
from django.views.decorators.csrf import csrf_exempt
from oauth2_provider.views import TokenView

from fhir.api import api
from healthhub.health import healthz, readyz

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    re_path(r"^fhir(?:/|$)", api.urls),
    path("oauth/token", csrf_exempt(TokenView.as_view()), name="oauth-token"),
]
