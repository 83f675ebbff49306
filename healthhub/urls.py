"""Addresses: the FHIR door, sign-in, and the pages of the rooms."""

from django.urls import include, path, re_path
from django.views.decorators.csrf import csrf_exempt
from django.views.i18n import set_language
from oauth2_provider.views import TokenView

from fhir.api import api
from healthhub.health import healthz, readyz

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    re_path(r"^fhir(?:/|$)", api.urls),
    path("oauth/token", csrf_exempt(TokenView.as_view()), name="oauth-token"),
    path("language/", set_language, name="set_language"),
    path("accounts/", include("healthhub.accounts.urls")),
    path("", include("records.urls")),
    path("", include("screening.urls")),
]

handler400 = "healthhub.errors.bad_request"
handler403 = "healthhub.errors.forbidden"
handler404 = "healthhub.errors.not_found"
handler500 = "healthhub.errors.server_error"
