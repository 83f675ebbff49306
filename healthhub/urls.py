"""Addresses: the FHIR door, sign-in, and the pages of the rooms."""

from django.urls import include, path, re_path
from django.views.i18n import set_language

from fhir.api import api
from healthhub.health import healthz, readyz

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    re_path(r"^fhir(?:/|$)", api.urls),
    path("oauth/", include("healthhub.accounts.oauth.urls")),
    path("language/", set_language, name="set_language"),
    path("accounts/", include("healthhub.accounts.urls")),
    path("", include("records.urls")),
    path("", include("screening.urls")),
]

handler400 = "healthhub.errors.bad_request"
handler403 = "healthhub.errors.forbidden"
handler404 = "healthhub.errors.not_found"
handler500 = "healthhub.errors.server_error"
