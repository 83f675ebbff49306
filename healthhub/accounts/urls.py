"""Addresses of sign-in and of one's own account, below ``accounts/``: ours, and of allauth's pages those named."""

from allauth.account import urls as allauth_urls
from allauth.mfa.recovery_codes import views as recovery_codes
from allauth.mfa.totp.views import deactivate_totp
from allauth.mfa.webauthn.views import reauthenticate_webauthn
from allauth.socialaccount.providers.openid_connect import views as openid_connect
from django.urls import path

from healthhub.accounts import citizens, oidc, views

# An account's e-mail address is its name here and is changed by whoever gave the account.
_ALLAUTH = {
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
    *(page for page in allauth_urls.urlpatterns if page.name in _ALLAUTH),
    path("citizen/", citizens.ask_for_code, name="citizen_sign_in"),
    path("citizen/code/", citizens.give_code, name="citizen_code"),
    path("oidc/<slug:provider_id>/login/", oidc.sign_in, name="openid_connect_login"),
    path("oidc/<slug:provider_id>/login/callback/", openid_connect.callback, name="openid_connect_callback"),
    path("sessions/", views.sessions, name="account_sessions"),
    path("2fa/", views.Account.as_view(), name="mfa_index"),
    path("2fa/authenticate/", views.GiveSecondFactor.as_view(), name="mfa_authenticate"),
    path("2fa/reauthenticate/", views.ConfirmSecondFactor.as_view(), name="mfa_reauthenticate"),
    path("2fa/totp/activate/", views.SetUpApp.as_view(), name="mfa_activate_totp"),
    path("2fa/totp/deactivate/", deactivate_totp, name="mfa_deactivate_totp"),
    path("2fa/recovery-codes/", recovery_codes.view_recovery_codes, name="mfa_view_recovery_codes"),
    path("2fa/recovery-codes/generate/", recovery_codes.generate_recovery_codes, name="mfa_generate_recovery_codes"),
    path("2fa/webauthn/add/", views.AddPasskey.as_view(), name="mfa_add_webauthn"),
    path("2fa/webauthn/reauthenticate/", reauthenticate_webauthn, name="mfa_reauthenticate_webauthn"),
    path("2fa/webauthn/keys/<int:pk>/remove/", views.RemovePasskey.as_view(), name="mfa_remove_webauthn"),
]

PAGES = frozenset(page.name for page in urlpatterns)
