"""The settings of the service. They read every environment variable through config/switches.py."""

import os
import secrets
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from auth_core.conf import derived_signing_key
from config import env_file, switches
from jwt_auth.jwk import KeyFormatError, public_pem

BASE_DIR = Path(__file__).resolve().parent.parent

try:
    # The environment's variables take precedence over the file's.
    SWITCHES_FROM_FILE = env_file.load(os.environ, BASE_DIR)
    _values = switches.read(os.environ)
except switches.SwitchError as error:
    raise ImproperlyConfigured(str(error)) from None

# --- authentication ------------------------------------------------------------------------------

# Resolved once. DRF reads authentication_classes, and SimpleJWT its settings, on import. A process
# whose settings changed later would guard and measure something else than it says.
SCHEMES = _values["AUTH_SCHEMES"]
ANONYMOUS_READ = _values["ANONYMOUS_READ"]

DEBUG = _values["DEBUG"]
DEFAULT_EXCEPTION_REPORTER_FILTER = "config.error_page.ReporterFilter"
SECRET_KEY = _values["SECRET_KEY"]
if not SECRET_KEY:
    if not DEBUG:
        raise ImproperlyConfigured(
            "SECRET_KEY='': required unless DEBUG is on; allowed: 32 random bytes or more, as printed by "
            "`python -c 'import secrets; print(secrets.token_urlsafe(50))'` (config.E004)"
        )
    # A new key for each process: a constant would let anybody sign tokens for such a server.
    SECRET_KEY = secrets.token_urlsafe(50)
ALLOWED_HOSTS = list(_values["ALLOWED_HOSTS"])

# --- opaque tokens -------------------------------------------------------------------------------

# Without a row that reads DRF's table, nobody could use the key, and it would be stored in clear.
TOKEN_AUTO_CREATE = _values["TOKEN_AUTO_CREATE"] and any(scheme.auto_create for scheme in SCHEMES)
TOKEN_ROTATE_ON_GET = _values["TOKEN_ROTATE_ON_GET"]
TOKEN_LIFETIME = _values["TOKEN_LIFETIME"]
TOKEN_IDLE_LIFETIME = _values["TOKEN_IDLE_LIFETIME"]
TOKENS_PER_USER = _values["TOKENS_PER_USER"]
TOKEN_CACHE_SECONDS = _values["TOKEN_CACHE_SECONDS"]

# --- JSON Web Tokens -----------------------------------------------------------------------------

JWT_ALGORITHM = _values["JWT_ALGORITHM"]
JWT_SIGNING_KEY = _values["JWT_SIGNING_KEY"] or (
    derived_signing_key(SECRET_KEY) if JWT_ALGORITHM.startswith("HS") else ""
)
JWT_VERIFYING_KEYS = _values["JWT_VERIFYING_KEYS"]
JWT_ACCESS_LIFETIME = _values["JWT_ACCESS_LIFETIME"]
JWT_REFRESH_LIFETIME = _values["JWT_REFRESH_LIFETIME"]
JWT_SESSION_LIFETIME = _values["JWT_SESSION_LIFETIME"]
JWT_REUSE_GRACE = _values["JWT_REUSE_GRACE"]
JWT_REFRESH_COOKIE = _values["JWT_REFRESH_COOKIE"]
JWT_ISSUER = _values["JWT_ISSUER"]
JWT_AUDIENCE = _values["JWT_AUDIENCE"]
JWT_LEEWAY = _values["JWT_LEEWAY"]
JWT_CLAIMS = _values["JWT_CLAIMS"]
JWT_ACCESS_TYPE = _values["JWT_ACCESS_TYPE"]
JWT_ACCEPT_STOCK_UNTIL = _values["JWT_ACCEPT_STOCK_UNTIL"]

try:
    _verifying_key = public_pem(JWT_SIGNING_KEY, JWT_ALGORITHM)
except KeyFormatError:
    _verifying_key = ""  # jwt_auth.checks reports what is wrong, and stops start-up

# Settings of SimpleJWT's own classes, which the stock rows use and ours inherit from.
SIMPLE_JWT = {
    "ALGORITHM": JWT_ALGORITHM,
    "SIGNING_KEY": JWT_SIGNING_KEY,
    "VERIFYING_KEY": _verifying_key,
    "ACCESS_TOKEN_LIFETIME": JWT_ACCESS_LIFETIME,
    "REFRESH_TOKEN_LIFETIME": JWT_REFRESH_LIFETIME,
    "ISSUER": JWT_ISSUER,
    "AUDIENCE": JWT_AUDIENCE,
    # The stock rows run with rotation and the blacklist. LEEWAY stays at SimpleJWT's default of 0.
    "ROTATE_REFRESH_TOKENS": True,
    "BLACKLIST_AFTER_ROTATION": True,
}

# --- protection ----------------------------------------------------------------------------------

LOGIN_THROTTLE = _values["LOGIN_THROTTLE"]
NUM_PROXIES = _values["NUM_PROXIES"]
HTTPS_ONLY = _values["HTTPS_ONLY"]
SERVER_TIMING = _values["SERVER_TIMING"]
LOG_AUTHENTICATIONS = _values["LOG_AUTHENTICATIONS"]
METRICS = _values["METRICS"]
METRICS_TOKEN = _values["METRICS_TOKEN"]
# prometheus_client reads the variable itself, on import.
PROMETHEUS_MULTIPROC_DIR = _values["PROMETHEUS_MULTIPROC_DIR"]
if not PROMETHEUS_MULTIPROC_DIR:
    os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)  # it would take an empty one for a folder
GRANIAN_HOST = _values["GRANIAN_HOST"]
GRANIAN_PORT = _values["GRANIAN_PORT"]
GRANIAN_WORKERS = _values["GRANIAN_WORKERS"]
GRANIAN_BLOCKING_THREADS = _values["GRANIAN_BLOCKING_THREADS"]

DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024  # bytes; no request to this API needs more
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS_ONLY
SECURE_REDIRECT_EXEMPT = [r"^(health|metrics|ready)/$"]  # monitoring connects to a process directly
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS_ONLY else 0
SILENCED_SYSTEM_CHECKS = [
    "security.W003",  # it wants Django's CsrfViewMiddleware itself; ours derives from it
    # No includeSubDomains and no preload: this service does not know its domain's other hosts.
    "security.W005",
    "security.W021",
]
if NUM_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# --- pages of other origins ----------------------------------------------------------------------

CORS_ORIGINS = _values["CORS_ORIGINS"]
CORS_ALLOWED_ORIGINS = CORS_ORIGINS
CORS_ALLOW_CREDENTIALS = JWT_REFRESH_COOKIE
CORS_ALLOW_HEADERS = ("accept", "authorization", "content-type")
CORS_EXPOSE_HEADERS = ("ETag", "Retry-After", "Server-Timing", "WWW-Authenticate")
# A page that could read the admin would have its session and its CSRF token.
CORS_URLS_REGEX = r"^/(?!admin/|metrics/)"

# --- applications --------------------------------------------------------------------------------

# AUTH_SCHEMES does not affect the schema: every app is always installed, every migration applies.
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    # Before rest_framework.authtoken, so that our drf_create_token runs.
    "tokens",
    "rest_framework.authtoken",
    "rest_framework_simplejwt.token_blacklist",
    "jwt_auth",
    "tracks",
    "config",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]

# Sessions, CSRF, users and messages are Django's, and act on the admin's requests only.
MIDDLEWARE = [
    *(["telemetry.metrics.RequestMetricsMiddleware"] if METRICS else []),
    *(["telemetry.server_timing.ServerTimingMiddleware"] if SERVER_TIMING else []),
    # Before all that can refuse a request, so that a page can read each refusal, and no preflight,
    # which never has a credential, is refused.
    *(["corsheaders.middleware.CorsMiddleware"] if CORS_ORIGINS else []),
    "config.middleware.ForwardedMiddleware",
    "config.middleware.ApiErrorMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.middleware.SessionMiddleware",
    "config.middleware.CommonMiddleware",
    "config.middleware.CsrfViewMiddleware",
    "config.middleware.AuthenticationMiddleware",
    "config.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "auth_core.ahead.LookupAheadMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        f"telemetry.instrumented.{scheme.name}"
        if SERVER_TIMING or METRICS or LOG_AUTHENTICATIONS
        else scheme.authentication
        for scheme in SCHEMES
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated", "auth_core.scopes.HasScope"],
    "DEFAULT_PARSER_CLASSES": [
        "auth_core.parsers.JSONParser",
        "rest_framework.parsers.FormParser",
        "auth_core.parsers.MultiPartParser",
    ],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "auth_core.negotiation.ContentNegotiation",
    "DEFAULT_RENDERER_CLASSES": [
        "auth_core.renderers.JSONRenderer",
        "rest_framework.renderers.BrowsableAPIRenderer",
    ],
    "DEFAULT_SCHEMA_CLASS": "config.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "auth_core.errors.exception_handler",
    "NUM_PROXIES": NUM_PROXIES,
    # Otherwise drf-spectacular would write any ?version= into the schema and into a header.
    "ALLOWED_VERSIONS": [None],
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Tracks",
    "DESCRIPTION": "One catalogue of tracks, behind opaque tokens and JSON Web Tokens.",
    "VERSION": "0.1.0",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "LICENSE": {"name": "MIT", "identifier": "MIT"},
    "CONTACT": {"name": "The authors of token-or-jwt"},
    "SERVERS": [{"url": "/", "description": "The service that serves this document."}],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "config.openapi_hook.finish",
    ],
}

# --- database and cache --------------------------------------------------------------------------

# Each thread keeps the connection of its first request, because opening one takes longer than any
# scheme. The lab measures with this policy too. Both backends replace a broken connection before a
# request uses it.
DATABASES = {"default": {**_values["DATABASE_URL"], "CONN_MAX_AGE": None}}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["ENGINE"] = "config.databases.sqlite3"
    DATABASES["default"]["OPTIONS"] = {
        # Writers queue at BEGIN. Otherwise a transaction that reads and then writes can fail with
        # "database is locked".
        "transaction_mode": "IMMEDIATE",
        "timeout": 5,  # seconds to wait for another writer
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
    }
    DATABASES["default"]["NAME"] = BASE_DIR / DATABASES["default"]["NAME"]
else:
    DATABASES["default"]["ENGINE"] = "config.databases.postgresql"
    DATABASES["default"]["OPTIONS"] = {
        **DATABASES["default"].get("OPTIONS", {}),
        # psycopg binds parameters on the server and prepares a statement that it has sent 5 times.
        "server_side_binding": True,
        "prepare_threshold": 5,
        "connect_timeout": 3,  # seconds
        # Without these, a locked row or an expensive search would hold a thread for as long as it
        # lasts, and soon all threads. Commands wait without limit (manage.py).
        "lock_timeout": 3_000,  # milliseconds
        "statement_timeout": int(_values["STATEMENT_TIMEOUT"].total_seconds() * 1000),
        # Without these, a network that drops packets would hold a request while the kernel resends,
        # for a quarter of an hour. While a request waits for a result, the kernel sends probes.
        "tcp_user_timeout": 5_000,  # milliseconds
        "keepalives_idle": 5,  # seconds
        "keepalives_interval": 1,  # seconds
    }

CACHES = {"default": _values["CACHE_URL"]}

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True

# --- static files --------------------------------------------------------------------------------

STATIC_URL = "static/"
# WhiteNoise serves the packages' own files: nothing to collect, and the same with DEBUG on and off.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False

# --- the log -------------------------------------------------------------------------------------

LOG_FORMAT = _values["LOG_FORMAT"]
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "text": {"()": "telemetry.logs.TextFormatter"},
        "json": {"()": "telemetry.logs.JsonFormatter"},
    },
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT},
        **({"metrics": {"class": "telemetry.metrics.EventCounter"}} if METRICS else {}),
    },
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        # Django's own handler prints to the console in DEBUG only, and ours always.
        "django": {"handlers": [], "propagate": True},
        # The events of auth_core/events.py.
        "auth": {"handlers": ["metrics"] if METRICS else [], "level": "INFO"},
        # The lines of granian's workers. Its first process uses config/granian_json.json.
        **(
            {name: {"handlers": ["stderr"], "propagate": False} for name in ("_granian", "granian.access")}
            if LOG_FORMAT == "json"
            else {}
        ),
    },
}
