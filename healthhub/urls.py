"""Addresses: the FHIR door, sign-in, and the pages of the rooms."""

from allauth.account import urls as allauth_urls
from django.urls import include, path, re_path
from django.views.decorators.csrf import csrf_exempt
from django.views.i18n import set_language
from oauth2_provider.views import TokenView

from fhir.api import api
from healthhub.health import healthz, readyz

# Of allauth's pages these; an account's e-mail address is its name here and is changed by whoever gave the account.
SIGN_IN_PAGES = {
    "account_login",
    "account_logout",
    "account_inactive",
    "account_signup",  # says that nobody signs up by themselves
    "account_reauthenticate",
    "account_change_password",
    "account_set_password",
    "account_reset_password",
    "account_reset_password_done",
    "account_reset_password_from_key",
    "account_reset_password_from_key_done",
}

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    re_path(r"^fhir(?:/|$)", api.urls),
    path("oauth/token", csrf_exempt(TokenView.as_view()), name="oauth-token"),
    path("language/", set_language, name="set_language"),
    path("accounts/", include([page for page in allauth_urls.urlpatterns if page.name in SIGN_IN_PAGES])),
    path("", include("records.urls")),
    path("", include("screening.urls")),
]

handler400 = "healthhub.errors.bad_request"
handler403 = "healthhub.errors.forbidden"
handler404 = "healthhub.errors.not_found"
handler500 = "healthhub.errors.server_error"
