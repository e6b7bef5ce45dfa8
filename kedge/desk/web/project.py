"""Django's settings, made from Kedge's: `configure` once per process, before any model is imported.

The context (link, tables, home) is not a setting: views ask `context()` for the one that is in force.
"""

from __future__ import annotations

import os
import secrets
from datetime import timedelta
from pathlib import Path
from typing import Any

import django
from django.conf import settings as django_settings

from kedge.desk.parts import DeskContext
from kedge.desk.web.databases import databases
from kedge.home import Home
from kedge.settings import Secrets, Settings

HERE = Path(__file__).parent
LANGUAGES = [("en", "English"), ("ru", "Русский"), ("fr", "Français")]

# Every model, page and route of ours is in one of these; a new room of the web is one line here.
OUR_APPS: tuple[str, ...] = (
    "kedge.desk.web",
    "kedge.desk.web.preorders",
    "kedge.desk.web.rowmodels",
    "kedge.desk.web.adminsite",
)

_context: list[DeskContext] = []


def context() -> DeskContext:
    """The desk that these pages are of."""
    return _context[-1]


def adopt(here: DeskContext) -> None:
    """From now on the pages are of this desk."""
    _context[:] = [here]


def configure(home: Home, settings: Settings, secrets_of: Secrets | None = None) -> None:
    """Make Django ready. Once per process: a second call does nothing."""
    if django_settings.configured:
        return
    found = secrets_of or Secrets(home.secrets)
    django_settings.configure(**django_settings_of(home, settings, found))
    django.setup()


def django_settings_of(home: Home, settings: Settings, found: Secrets) -> dict[str, Any]:
    return {
        **_apps(),
        **_safety(home, settings),
        "DATABASES": databases(home, settings, found),
        "DATABASE_ROUTERS": ["kedge.desk.web.databases.Router"],
        "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
        "DEBUG": False,
        "ROOT_URLCONF": "kedge.desk.web.urls",
        "STATIC_URL": "/static/",
        "LANGUAGE_CODE": "en",
        "LANGUAGES": LANGUAGES,
        "LOCALE_PATHS": [str(HERE / "locale")],
        "USE_I18N": True,
        "USE_TZ": True,
        "TIME_ZONE": "UTC",
        "FORMAT_MODULE_PATH": "kedge.desk.web.formats",
        "USE_THOUSAND_SEPARATOR": False,
        # What is wrong is told by our own error pages and by the desk's log.
        "LOGGING_CONFIG": None,
        "DATA_UPLOAD_MAX_MEMORY_SIZE": 1024 * 1024,
        "DATA_UPLOAD_MAX_NUMBER_FIELDS": 1000,
    }


def _apps() -> dict[str, Any]:
    return {
        "INSTALLED_APPS": [
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.messages",
            "django.contrib.admin",
            "django.contrib.staticfiles",
            "django_otp",
            "django_otp.plugins.otp_totp",
            "django_otp.plugins.otp_static",
            "axes",
            *OUR_APPS,
        ],
        "MIDDLEWARE": [
            "kedge.desk.web.headers.SafeHeaders",
            "django.middleware.security.SecurityMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django_otp.middleware.OTPMiddleware",
            "kedge.desk.web.person.PersonMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
            "axes.middleware.AxesMiddleware",
        ],
        "AUTHENTICATION_BACKENDS": [
            "axes.backends.AxesStandaloneBackend",
            "django.contrib.auth.backends.ModelBackend",
        ],
        "TEMPLATES": [
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                # Ours before those of the same name that Django's admin brings.
                "DIRS": [str(HERE / "templates")],
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.template.context_processors.i18n",
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                        "kedge.desk.web.nav.on_every_page",
                    ],
                    "builtins": ["kedge.desk.web.templatetags.desk"],
                },
            }
        ],
    }


def _safety(home: Home, settings: Settings) -> dict[str, Any]:
    web = settings.web
    encrypted = bool(web.cert) or web.behind_proxy
    made: dict[str, Any] = {
        "SECRET_KEY": secret_key(home),
        "ALLOWED_HOSTS": ["127.0.0.1", "localhost", "[::1]", *web.names],
        "CSRF_TRUSTED_ORIGINS": [
            f"https://{name.replace('.', '*.', 1) if name[0] == '.' else name}"
            for name in web.names
            if name != "*"
        ],
        "SESSION_COOKIE_NAME": "kedge_session",
        "SESSION_COOKIE_AGE": web.session_hours * 3600,
        "SESSION_COOKIE_SECURE": encrypted,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "CSRF_COOKIE_NAME": "kedge_csrf",
        "CSRF_COOKIE_SECURE": encrypted,
        "CSRF_COOKIE_HTTPONLY": True,
        "CSRF_FAILURE_VIEW": "kedge.desk.web.errors.csrf_failed",
        "LOGIN_URL": "sign-in",
        "LOGIN_REDIRECT_URL": "overview",
        "LOGOUT_REDIRECT_URL": "sign-in",
        "SECURE_CONTENT_TYPE_NOSNIFF": True,
        "SECURE_REFERRER_POLICY": "same-origin",
        "SECURE_CROSS_ORIGIN_OPENER_POLICY": "same-origin",
        "SECURE_HSTS_SECONDS": 31_536_000 if encrypted else 0,
        "X_FRAME_OPTIONS": "DENY",
        "AUTH_PASSWORD_VALIDATORS": [
            {"NAME": f"django.contrib.auth.password_validation.{name}"} | options
            for name, options in _PASSWORDS.items()
        ],
        "AXES_FAILURE_LIMIT": web.tries,
        "AXES_COOLOFF_TIME": timedelta(minutes=web.lock_minutes),
        "AXES_LOCKOUT_PARAMETERS": [["username", "ip_address"]],
        "AXES_LOCKOUT_CALLABLE": "kedge.desk.web.errors.locked_out",
        "AXES_RESET_ON_SUCCESS": True,
        "AXES_VERBOSE": False,
        "AXES_SENSITIVE_PARAMETERS": ["username", "password"],
        "AXES_CLIENT_IP_CALLABLE": "kedge.desk.web.headers.address_of",
        "OTP_TOTP_ISSUER": f"Kedge {settings.desk.name}",
    }
    if web.behind_proxy:
        made["SECURE_PROXY_SSL_HEADER"] = ("HTTP_X_FORWARDED_PROTO", "https")
    return made


_PASSWORDS: dict[str, dict[str, Any]] = {
    "UserAttributeSimilarityValidator": {},
    "MinimumLengthValidator": {"OPTIONS": {"min_length": 10}},
    "CommonPasswordValidator": {},
    "NumericPasswordValidator": {},
}


def secret_key(home: Home) -> str:
    """The key that signs sessions: made once, readable by its owner alone."""
    path = home.root / "desk.key"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    key = secrets.token_urlsafe(48)  # storm-ok: a key must not be guessed, and no storm has pages
    with os.fdopen(handle, "w") as file:
        file.write(key + "\n")
        file.flush()
        os.fsync(file.fileno())
    return key
