"""All of HealthHub's settings. Every choice of a deployment is an environment variable with a working default."""

import os
import secrets
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from celery.schedules import crontab
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.functional import SimpleLazyObject

from healthhub import caches, databases, embedded, providers, signing

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = Path(os.environ.get("HEALTHHUB_VAR", BASE_DIR / "var")).resolve()


def flag(name: str, *, default: bool) -> bool:
    """An on/off environment variable: 1, true, yes or on switch on."""
    value = os.environ.get(name)
    return default if value is None else value.strip().lower() in {"1", "true", "yes", "on"}


def secret_key() -> str:
    """The signing key: from the environment, or for a single machine one made once and kept under ``var/``."""
    if key := os.environ.get("SECRET_KEY"):
        return key
    if "DATABASE_URL" in os.environ:
        raise ImproperlyConfigured("Set SECRET_KEY: every process of a deployment must share it.")
    path = VAR_DIR / "secret_key"
    if not path.exists():
        VAR_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = path.with_suffix(f".{os.getpid()}")
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_urlsafe(50))
        with suppress(FileExistsError):
            os.link(fresh, path)
        fresh.unlink()
    return path.read_text()


SECRET_KEY = secret_key()
DEMO = flag("HEALTHHUB_DEMO", default="DATABASE_URL" not in os.environ)
DEBUG = flag("DEBUG", default=False)
ALLOWED_HOSTS = os.environ.get("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]").split(",")
CSRF_TRUSTED_ORIGINS = [origin for origin in os.environ.get("CSRF_TRUSTED_ORIGINS", "").split(",") if origin]
HTTPS = flag("HEALTHHUB_HTTPS", default="DATABASE_URL" in os.environ and not DEMO)

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "ninja",
    "healthhub.web",  # before allauth, whose templates it replaces
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
    "oauth2_provider",
    "django_celery_beat",
    "django_cotton.apps.SimpleAppConfig",
    "django_htmx",
    "csp",
    "healthhub.accounts",
    "healthhub.accounts.oauth",
    "healthhub.audit",
    "fhir",
    "records",
    "screening",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "healthhub.accounts.oauth.cors.ShareWithApps",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "healthhub.web.language.ChosenLanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "healthhub.web.nul.RefuseNulMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "healthhub.accounts.sessions.SessionLimits",
    "healthhub.accounts.second_factor.RequireSecondFactor",
    "records.views.guards.ShowWhoActs",
    "screening.versions.NoticeVersions",
]

ROOT_URLCONF = "healthhub.urls"
WSGI_APPLICATION = "healthhub.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "csp.context_processors.nonce",
                "healthhub.web.context.site",
            ],
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    ["django_cotton.cotton_loader.Loader", "django.template.loaders.app_directories.Loader"],
                )
            ],
            "builtins": ["django_cotton.templatetags.cotton"],
        },
    }
]

DATABASES = {"default": databases.from_url(os.environ.get("DATABASE_URL") or embedded.database_url(VAR_DIR))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CELERY_BROKER_URL = os.environ.get("CELERY_BROKER_URL") or embedded.broker_url(VAR_DIR)
#: Shared by all processes: rate limits, used codes.
CACHE_URL = os.environ.get("CACHE_URL") or caches.url_beside(CELERY_BROKER_URL)
CACHES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": CACHE_URL}
}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TIMEZONE = "Asia/Ho_Chi_Minh"
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_BEAT_SCHEDULE = {
    "refresh-statistics": {"task": "screening.tasks.refresh_statistics", "schedule": timedelta(seconds=15)},
    "resume-imports": {"task": "screening.tasks.resume_imports", "schedule": timedelta(minutes=1)},
    "send-messages": {"task": "screening.tasks.send_messages", "schedule": timedelta(seconds=15)},
    "resume-letters": {"task": "screening.tasks.resume_letters", "schedule": timedelta(minutes=5)},
    "gather-letters": {"task": "screening.tasks.gather_letters", "schedule": crontab(hour=5, minute=0)},
    "rebuild-statistics": {"task": "screening.tasks.rebuild_statistics", "schedule": crontab(hour=2, minute=0)},
    "refresh-standings": {"task": "screening.tasks.refresh_standings", "schedule": timedelta(seconds=10)},
    "resume-steps": {"task": "screening.tasks.resume_steps", "schedule": timedelta(minutes=1)},
    "failsafe": {"task": "screening.tasks.check_nobody_is_lost", "schedule": crontab(hour=4, minute=0)},
    "recall": {"task": "screening.tasks.recall", "schedule": crontab(hour=0, minute=30)},
    "carry-on-recall": {"task": "screening.tasks.carry_on_recall", "schedule": timedelta(minutes=5)},
    "publish-pathways": {"task": "screening.tasks.publish_pathways", "schedule": timedelta(seconds=20)},
    "serve-waiting-list": {"task": "screening.tasks.serve_waiting_list", "schedule": timedelta(minutes=5)},
    "remind-of-appointments": {
        "task": "screening.tasks.remind_of_appointments",
        "schedule": crontab(hour=7, minute=30),
    },
    "publish-protocols": {"task": "screening.tasks.publish_protocols", "schedule": crontab(hour=0, minute=5)},
    "forget-imports": {"task": "screening.tasks.forget_imports", "schedule": crontab(hour=3, minute=30)},
    "seal-access-log": {"task": "healthhub.audit.tasks.seal_access_log", "schedule": timedelta(minutes=5)},
}

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["healthhub.accounts.backends.PasswordBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_ADAPTER = "healthhub.accounts.adapter.AccountAdapter"
# Tries are counted in the cache: 5 wrong ones lock an account for 15 minutes, whether it exists or not.
ACCOUNT_RATE_LIMITS = {"login_failed": "20/m/ip,5/15m/key", "reset_password": "20/m/ip,5/h/key"}
ALLAUTH_TRUSTED_PROXY_COUNT = int(os.environ.get("HEALTHHUB_PROXIES", "0"))
ACCOUNT_SESSION_REMEMBER = False  # a session ends with the browser, or by accounts/sessions.py
# Citizens' sign-in at an identity provider (docs/operations.md); without an issuer there is none.
OIDC_ISSUER = os.environ.get("HEALTHHUB_OIDC_ISSUER", "").rstrip("/")
OIDC_CLAIMS = {
    "number": os.environ.get("HEALTHHUB_OIDC_NUMBER_CLAIM", "citizen_id"),
    "birth_date": os.environ.get("HEALTHHUB_OIDC_BIRTH_CLAIM", "birthdate"),
}
SOCIALACCOUNT_ADAPTER = "healthhub.accounts.oidc.CitizenAdapter"
SOCIALACCOUNT_PROVIDERS = {"openid_connect": providers.openid_connect(OIDC_ISSUER, os.environ)}
MFA_ADAPTER = "healthhub.accounts.mfa.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_FORMS = {
    "authenticate": "healthhub.accounts.codes.GiveCode",
    "authenticate_webauthn": "healthhub.accounts.codes.GivePasskey",
    "reauthenticate": "healthhub.accounts.codes.ConfirmCode",
    "activate_totp": "healthhub.accounts.codes.SetUpCode",
}
MFA_TOTP_TOLERANCE = 1  # the codes before and after too: a telephone's clock may be slow
MFA_RECOVERY_CODES_SHOW_ONCE = True
CSRF_FAILURE_VIEW = "healthhub.errors.csrf_failure"
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"

# Messages to people (docs/operations.md): without a gateway's address they go into files below VAR_DIR/outbox.
PUBLIC_URL = os.environ.get("HEALTHHUB_URL", "http://localhost:8000").rstrip("/")
EMAIL_HOST = os.environ.get("EMAIL_HOST", "")
EMAIL_PORT = int(os.environ.get("EMAIL_PORT", "25"))
EMAIL_HOST_USER = os.environ.get("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = os.environ.get("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = flag("EMAIL_USE_TLS", default=False)
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = os.environ.get("DEFAULT_FROM_EMAIL", "HealthHub <no-reply@localhost>")
EMAIL_BACKEND = os.environ.get(
    "EMAIL_BACKEND", f"django.core.mail.backends.{'smtp' if EMAIL_HOST else 'console'}.EmailBackend"
)
MESSAGES: dict[str, Any] = {
    "console": flag("HEALTHHUB_MESSAGES_CONSOLE", default=False),
    "sms_url": os.environ.get("HEALTHHUB_SMS_URL", ""),
    "sms_token": os.environ.get("HEALTHHUB_SMS_TOKEN", ""),
    "sms_sender": os.environ.get("HEALTHHUB_SMS_SENDER", "HealthHub"),
    "sms_plain": flag("HEALTHHUB_SMS_PLAIN", default=False),
    "sms_report_secret": os.environ.get("HEALTHHUB_SMS_REPORT_SECRET", ""),
    "email_report_secret": os.environ.get("HEALTHHUB_EMAIL_REPORT_SECRET", ""),
    "zalo_url": os.environ.get("HEALTHHUB_ZALO_URL", ""),
    "zalo_token": os.environ.get("HEALTHHUB_ZALO_TOKEN", ""),
    "zalo_templates": os.environ.get("HEALTHHUB_ZALO_TEMPLATES", "{}"),
    "zalo_app_id": os.environ.get("HEALTHHUB_ZALO_APP_ID", ""),
    "zalo_oa_secret": os.environ.get("HEALTHHUB_ZALO_OA_SECRET", ""),
    "hours": os.environ.get("HEALTHHUB_MESSAGE_HOURS", "7-21"),
    "letters_alarm_days": int(os.environ.get("HEALTHHUB_LETTERS_ALARM_DAYS", "3")),
}

# A record opened in an emergency: how long it stays open, how many one person may open in 24 hours.
EMERGENCY_HOURS = int(os.environ.get("HEALTHHUB_EMERGENCY_HOURS", "4"))
EMERGENCIES_A_DAY = int(os.environ.get("HEALTHHUB_EMERGENCIES_A_DAY", "10"))

OAUTH2_PROVIDER_APPLICATION_MODEL = "oauth2_provider.Application"
OAUTH2_PROVIDER: dict[str, Any] = {
    "OAUTH2_VALIDATOR_CLASS": "healthhub.accounts.oauth.validator.TokenValidator",
    "ACCESS_TOKEN_EXPIRE_SECONDS": 3600,
    "REFRESH_TOKEN_EXPIRE_SECONDS": 90 * 24 * 3600,
    "ROTATE_REFRESH_TOKEN": True,
    "REFRESH_TOKEN_REUSE_PROTECTION": True,
    "PKCE_REQUIRED": True,
    "ALLOWED_REDIRECT_URI_SCHEMES": ["https"] if HTTPS else ["http", "https"],
    "OIDC_ENABLED": True,
    "OIDC_RSA_PRIVATE_KEY": SimpleLazyObject(lambda: signing.private_key(VAR_DIR)),  # made when first used
    # RFC 9700: tokens are kept as checksums only, codes need S256, no implicit or password grant, `iss` is told
    "COMPLIANT_BCP_RFC9700_TOKEN_STORAGE": True,
    "COMPLIANT_BCP_RFC9700_PKCE_METHOD": True,
    "COMPLIANT_BCP_RFC9700_IMPLICIT_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PASSWORD_GRANT": True,
    "COMPLIANT_BCP_RFC9700_ACCESS_TOKEN_TRANSPORT": True,
    "COMPLIANT_BCP_RFC9700_AUTHZ_RESPONSE_ISS": True,
}

FHIR_ACCESS_POLICY = "records.access.RecordPolicy"
FHIR_SYSTEMS = {
    "cccd": "http://fhir.hl7.org.vn/core/sid/cccd",
    "bhyt": "http://fhir.hl7.org.vn/core/sid/bhyt",
    "facility": "http://fhir.hl7.org.vn/core/sid/ma-cskcb",
    "ward": "http://fhir.hl7.org.vn/core/StructureDefinition/vn-ext-ward",
    "screening": "https://healthhub.example/fhir/CodeSystem/screening",
    "specimen": "https://healthhub.example/fhir/sid/specimen",
    "tag": "https://healthhub.example/fhir/CodeSystem/tag",
    "access": "https://healthhub.example/fhir/CodeSystem/access",
    "role": "https://healthhub.example/fhir/CodeSystem/role",
    "actor": "https://healthhub.example/fhir/sid/actor",
    "plan": "https://healthhub.example/fhir/PlanDefinition",
    "round": "https://healthhub.example/fhir/sid/round",
}
FHIR_MAX_BODY_BYTES = 50 * 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = FHIR_MAX_BODY_BYTES

LANGUAGE_CODE = "vi"
LANGUAGES = [("vi", "Tiếng Việt"), ("en", "English")]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Asia/Ho_Chi_Minh"
FORMAT_MODULE_PATH = ["healthhub.formats"]

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "static"
WHITENOISE_USE_FINDERS = False
#: The folder above those into which analysers drop files; see "Machines" in docs/operations.md.
MACHINE_FOLDERS = os.environ.get("HEALTHHUB_MACHINE_FOLDERS", str(VAR_DIR / "machines"))
MEDIA_ROOT = VAR_DIR / "media"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "font-src": [SELF],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "worker-src": [SELF],
        "form-action": [SELF, *providers.origins(OIDC_ISSUER)],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
SECURE_REFERRER_POLICY = "same-origin"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_HSTS_SECONDS = 31536000 if HTTPS else 0
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600  # as accounts/sessions.py ends it
X_FRAME_OPTIONS = "DENY"

# The three districts of the 2017 pilot by GSO code; the sources name them only by number (docs/adr).
PILOT_DISTRICTS = os.environ.get("PILOT_DISTRICTS", "005,019,268").split(",")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "loggers": {name: {"level": "WARNING"} for name in ("fido2", "fontTools", "fpdf")},  # keys; each font
    "root": {"handlers": ["console"], "level": os.environ.get("LOG_LEVEL", "INFO")},
}
