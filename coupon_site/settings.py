"""Every setting, from the environment; `.env.example` lists what a site sets. `NAME_FILE` reads NAME from a file."""

import hashlib
import secrets
from datetime import timedelta
from math import inf
from pathlib import Path
from typing import Any

import django_stubs_ext
from django.urls import reverse_lazy
from environs import FileAwareEnv
from prometheus_client import disable_created_metrics
from psycopg.conninfo import conninfo_to_dict

from coupon_site.servers import EmbeddedServers

django_stubs_ext.monkeypatch()
disable_created_metrics()  # a twin of every counter, of no use to Prometheus

BASE_DIR = Path(__file__).resolve().parent.parent
env = FileAwareEnv()
env.read_env(BASE_DIR / ".env", recurse=False)

# --- Servers ---
VAR_DIR = Path(env.str("VAR_DIR", str(BASE_DIR / "var")))
EMBEDDED = EmbeddedServers(VAR_DIR / "embedded")
EMBEDDED_PARTS = {"postgres": not env.str("DATABASE_URL", ""), "redis": not env.str("REDIS_URL", "")}
DATABASE_URL = env.str("DATABASE_URL", "") or EMBEDDED.database_url
REDIS_URL = env.str("REDIS_URL", "") or EMBEDDED.redis_url

# A laptop, unless a database is named: hosts, cookies and secrets need no configuration there.
LOCAL = env.bool("LOCAL", EMBEDDED_PARTS["postgres"])
DEBUG = env.bool("DEBUG", False)


def local_secret_key() -> str:
    """This checkout's own key, made once."""
    file = VAR_DIR / "secret-key"
    if not file.exists():
        VAR_DIR.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(50))
    return file.read_text()


SECRET_KEY = env.str("SECRET_KEY", "") or (local_secret_key() if LOCAL else env.str("SECRET_KEY"))
SECRET_KEY_FALLBACKS: list[str] = env.list("SECRET_KEY_FALLBACKS", [])


def secret(name: str) -> str:
    """A secret of its own name; on a laptop derived from the site's key, elsewhere it must be set."""
    if LOCAL:
        return env.str(name, "") or hashlib.sha256(f"{name}:{SECRET_KEY}".encode()).hexdigest()[:40]
    return str(env.str(name))


# --- Site ---
SITE_URL = env.str("SITE_URL", "http://127.0.0.1:8000" if LOCAL else "").rstrip("/")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"] if LOCAL else [])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", [])
ROOT_URLCONF = "coupon_site.urls"
ASGI_APPLICATION = "coupon_site.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = reverse_lazy("admin:login")
LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False
FORMAT_MODULE_PATH = ["coupon_site.formats"]
SITE_VERSION = env.str("SITE_VERSION", "0.1.0")
SITE_COMMIT = env.str("SITE_COMMIT", "unknown")

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "channels",
    "django_prometheus",
    "coupon_site",
    "accounts",
    "events",
    "flags",
    "payments",
    "orders",
    "vouchers",
    "cashback",
    "monitoring",
]

# The first three are native to both worlds; the rest are Django's, each of which costs a thread hop under ASGI.
MIDDLEWARE = [
    "monitoring.middleware.HttpMetrics",
    "monitoring.faults.Faults",
    "coupon_site.tracing.RequestIdMiddleware",
    "coupon_site.guards.RefuseNulBytes",
    "coupon_site.guards.ProbesByAddress",
    "flags.middleware.PinSnapshot",
    "django.middleware.security.SecurityMiddleware",
    "coupon_site.static_files.StaticFiles",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# --- PostgreSQL and Redis ---
_dsn = {name: str(value) for name, value in conninfo_to_dict(DATABASE_URL).items() if value is not None}
# Behind a pool of transactions a statement may meet a connection that has not prepared it. What is prepared needs no
# plan of its own for each value.
PREPARED: dict[str, Any] = {"prepare_threshold": None}
if not env.str("DATABASE_DIRECT_URL", ""):
    PREPARED = {
        "prepare_threshold": 2,
        "options": f"{_dsn.pop('options', '')} -c plan_cache_mode=force_generic_plan".strip(),
    }
DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        "ENGINE": "coupon_site.database",
        "NAME": _dsn.pop("dbname", "coupon_site"),
        "USER": _dsn.pop("user", ""),
        "PASSWORD": _dsn.pop("password", ""),
        "HOST": _dsn.pop("host", ""),
        "PORT": _dsn.pop("port", ""),
        "OPTIONS": {
            **_dsn,
            # Without a pool PostgreSQL forks for every request: 6 ms.
            "pool": {"min_size": 1, "max_size": env.int("DATABASE_POOL_SIZE", 16), "timeout": 10},
            **PREPARED,
        },
        "CONN_HEALTH_CHECKS": True,
    }
}
# Bounds of the time that a statement takes; django-prometheus begins at 10 ms.
PROMETHEUS_LATENCY_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, inf)
PROMETHEUS_EXPORT_MIGRATIONS = False  # the state exporter does it, once for all processes
CACHES = {"default": {"BACKEND": "coupon_site.cache.CountedRedisCache", "LOCATION": REDIS_URL, "KEY_PREFIX": "cache"}}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        # Blocking reads: redis-py's default read time-out of 5 s would cut them.
        "CONFIG": {"hosts": [{"address": REDIS_URL, "socket_timeout": None}], "prefix": "layer"},
    }
}

# --- API ---
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.BearerAuthentication",
        "accounts.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["coupon_site.api.input.OrjsonParser"],
    "DEFAULT_RENDERER_CLASSES": ["coupon_site.api.input.OrjsonRenderer"],
    "DEFAULT_PAGINATION_CLASS": "coupon_site.api.pages.CursorPage",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_CLASSES": [
        "coupon_site.api.throttles.UserThrottle",
        "coupon_site.api.throttles.AnonThrottle",
    ],
    "DEFAULT_THROTTLE_RATES": {
        "user": env.str("THROTTLE_USER", "600/min"),
        "anon": env.str("THROTTLE_ANON", "120/min"),
        "scan": env.str("THROTTLE_SCAN", "120/min"),
        "guess": env.str("THROTTLE_GUESS", "20/min"),  # wrong codes at one till
        "gift": env.str("THROTTLE_GIFT", "60/min"),  # gift links, by address
    },
    "NUM_PROXIES": env.int("NUM_PROXIES", 0),
    "EXCEPTION_HANDLER": "coupon_site.api.problems.problem_exception_handler",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "TEST_REQUEST_RENDERER_CLASSES": [
        "rest_framework.renderers.JSONRenderer",
        "rest_framework.renderers.MultiPartRenderer",
    ],
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Coupon Site",
    "DESCRIPTION": "Offers, flash sales, orders, vouchers, cashback and feature flags. "
    "Errors are problem+json with stable codes; lists are cursor pages; a POST that creates needs an Idempotency-Key.",
    "VERSION": SITE_VERSION,
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    # Fields of one name with different choices, by the names of those.
    "ENUM_NAME_OVERRIDES": {
        path.rpartition(".")[2]: path
        for path in (
            "cashback.models.CashbackState",
            "cashback.models.ImportKind",
            "cashback.models.ImportSource",
            "cashback.models.ImportState",
            "cashback.models.PayoutState",
            "cashback.models.TransferKind",
            "events.models.DeliveryState",
            "events.models.EndpointState",
            "events.models.MessageState",
            "flags.choices.FlagSource",
            "monitoring.models.AlertEnding",
            "monitoring.models.AlertState",
            "orders.models.OrderState",
            "payments.models.PaymentState",
            "payments.models.RefundState",
            "vouchers.models.GiftState",
            "vouchers.models.VoucherState",
        )
    },
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 1 << 20

# --- Static files, templates of the admin ---
STATIC_URL = "static/"
STATIC_ROOT = None if LOCAL else BASE_DIR / "staticfiles"  # a laptop serves files where they lie
WHITENOISE_USE_FINDERS = LOCAL
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if LOCAL
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
MEDIA_ROOT = VAR_DIR / "media"
UNFOLD = {
    "SITE_TITLE": "Coupon Site",
    "SITE_HEADER": "Coupon Site",
    "SITE_SUBHEADER": "Offers, orders, cashback",
    "SITE_SYMBOL": "confirmation_number",
    "SITE_URL": "/",
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "COLORS": {
        "primary": {
            "50": "oklch(97.9% .021 166.1)",
            "100": "oklch(95% .052 163.1)",
            "200": "oklch(90.5% .093 164.2)",
            "300": "oklch(84.5% .143 165)",
            "400": "oklch(76.5% .177 163.2)",
            "500": "oklch(69.6% .17 162.5)",
            "600": "oklch(50.8% .118 165.6)",
            "700": "oklch(43.2% .095 166.9)",
            "800": "oklch(37.8% .077 168.9)",
            "900": "oklch(32.4% .065 170)",
            "950": "oklch(26.2% .051 172.6)",
        }
    },
    "SIDEBAR": {"show_search": True, "navigation": "monitoring.desk.sidebar"},
    "DASHBOARD_CALLBACK": "monitoring.desk.front_page",
}

# --- Security ---
HTTPS = env.bool("HTTPS", not LOCAL)
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [  # asked from inside, without TLS
    r"^metrics$",
    r"^monitoring/alerts$",
    r"^(livez|readyz|health|startupz)$",
    r"^sandbox/",
    r"^hooks/payments/sandbox$",
]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.bool("BEHIND_PROXY", False) else None
SECURE_HSTS_SECONDS = int(timedelta(days=365).total_seconds()) if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_NAME = "session"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

# --- Logging ---
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": "line"},
        "count": {"class": "monitoring.logs.ErrorCounter", "level": "ERROR"},
    },
    "root": {"handlers": ["stderr", "count"], "level": env.str("LOG_LEVEL", "WARNING")},
    "loggers": {"django": {"level": "WARNING"}, "django.request": {"level": "ERROR"}},
}

# --- monitoring ---
METRICS_TOKEN = secret("METRICS_TOKEN")
# By what the site knows Alertmanager; without it nobody tells the site of alerts.
ALERTS_TOKEN = secret("ALERTS_TOKEN") if LOCAL else env.str("ALERTS_TOKEN", "")
# Where deployments and changes of flags become lines on dashboards: a Grafana, and the token of a service account.
GRAFANA_URL = env.str("GRAFANA_URL", "").rstrip("/")
GRAFANA_TOKEN = env.str("GRAFANA_TOKEN", "")
PROCESS_ADDRESS = env.str("PROCESS_ADDRESS", "127.0.0.1")  # where /metrics and health of each process listen
METRICS_PORT = env.int("METRICS_PORT", 0)  # of a process with a main port; 0: /metrics is only there, by token
FAULTS = env.bool("FAULTS", False)  # flags that break things, for drills; only where LOCAL is on

# --- events ---
# Who sees everything on a channel; others see what is addressed to them.
REALTIME_CHANNELS = {
    "events:orders": "orders.view_order",
    "events:cashback": "cashback.view_cashbackevent",
    "events:flags": "flags.view_flag",
    "events:alerts": "monitoring.view_alert",
}
DATABASE_DIRECT_URL = env.str(
    "DATABASE_DIRECT_URL", ""
)  # for advisory locks, when DATABASE_URL is a pool of transactions
OUTBOX_DEDICATED_TOPICS = ["imports"]  # left to workers that name them
OUTBOX_LEASE_SECONDS = env.int("OUTBOX_LEASE_SECONDS", 60)
OUTBOX_OUTSIDE_THREADS = env.int("OUTBOX_OUTSIDE_THREADS", 8)  # calls to the outside world at once, per worker
OUTBOX_TOPIC_LIMITS: dict[str, int] = {}  # topic → how many of its messages may be in flight at once, over all workers
WEBHOOK_TIMEOUT_SECONDS = env.float("WEBHOOK_TIMEOUT_SECONDS", 10.0)  # from connecting to the end of the answer
# Whether webhooks may go to private and loopback addresses, and without TLS.
WEBHOOK_PRIVATE_ADDRESSES = env.bool("WEBHOOK_PRIVATE_ADDRESSES", DEBUG)
REALTIME_ALLOWED_ORIGINS: list[str] = env.list(
    "REALTIME_ALLOWED_ORIGINS", []
)  # pages of other hosts that may open sockets with a session
# `auto` writes whole frames beneath ASGI where the server is known (uvicorn, daphne), `off` never does.
REALTIME_FAST_PATH = env.str("REALTIME_FAST_PATH", "auto")
# Of each process; 0 is no limit. On a laptop everybody has the same address, and often the same name.
REALTIME_CONNECTIONS = env.int("REALTIME_CONNECTIONS", 10_000)
REALTIME_CONNECTIONS_PER_USER = env.int("REALTIME_CONNECTIONS_PER_USER", 0 if LOCAL else 10)
REALTIME_CONNECTIONS_PER_ADDRESS = env.int("REALTIME_CONNECTIONS_PER_ADDRESS", 0 if LOCAL else 50)
REALTIME_CONNECTS_PER_SECOND = env.int("REALTIME_CONNECTS_PER_SECOND", 0 if LOCAL else 200)
REALTIME_CONNECTS_PER_USER = env.int("REALTIME_CONNECTS_PER_USER", 0 if LOCAL else 60)  # in a minute
REALTIME_CONNECTS_PER_ADDRESS = env.int("REALTIME_CONNECTS_PER_ADDRESS", 0 if LOCAL else 30)  # the same
REALTIME_DRAIN_SECONDS = env.float("REALTIME_DRAIN_SECONDS", 2.0 if LOCAL else 30.0)  # from SIGTERM until all have left
REALTIME_MAX_QUEUE = env.int("REALTIME_MAX_QUEUE", 1000)  # frames that may wait for one client
REALTIME_MAX_QUEUE_BYTES = env.int("REALTIME_MAX_QUEUE_BYTES", 1 << 20)
REALTIME_PING_SECONDS = env.float("REALTIME_PING_SECONDS", 25.0)
REALTIME_PONG_SECONDS = env.float("REALTIME_PONG_SECONDS", 10.0)
REALTIME_RECHECK_SECONDS = env.float(
    "REALTIME_RECHECK_SECONDS", 60.0
)  # how long a revoked right may live on an open socket

# --- flags ---
# Of one caller at one process: SDKs on servers ask for every check, those in browsers for all flags at once.
OFREP_REQUESTS_PER_MINUTE = env.int("OFREP_REQUESTS_PER_MINUTE", 6000)
# What `manage.py flags export` wrote, for a process that starts while neither Redis nor the database answers.
FLAGS_BOOTSTRAP = env.str("FLAGS_BOOTSTRAP", "")

# --- orders ---
ORDER_HOLD_SECONDS = env.int("ORDER_HOLD_SECONDS", 900)
# What is younger than this is still on its way and breaks no invariant yet.
RECONCILE_GRACE_SECONDS = env.int("RECONCILE_GRACE_SECONDS", 60)

# --- payments ---
PAYMENT_PROVIDER = env.str("PAYMENT_PROVIDER", "sandbox")
PAYMENT_CAPTURE = env.str("PAYMENT_CAPTURE", "automatic")  # or "manual": authorised first, captured by an operator
# The newest first; the old one is still accepted until it is taken away.
SANDBOX_WEBHOOK_SECRETS = [secret("SANDBOX_WEBHOOK_SECRET"), *env.list("SANDBOX_WEBHOOK_OLD_SECRETS", [])]
SANDBOX_SLOW_SECONDS = env.float("SANDBOX_SLOW_SECONDS", 5.0)
SANDBOX_URL = env.str("SANDBOX_URL", SITE_URL).rstrip("/")  # where the site and its sandbox bank find each other
SANDBOX_KEY = secret("SANDBOX_KEY")  # by which the sandbox bank knows the site
STRIPE_SECRET_KEY = env.str("STRIPE_SECRET_KEY", "")
STRIPE_API_BASE = env.str("STRIPE_API_BASE", "https://api.stripe.com").rstrip("/")
STRIPE_WEBHOOK_SECRETS: list[str] = env.list("STRIPE_WEBHOOK_SECRETS", [])  # the newest first
PROVIDER_TIMEOUT_SECONDS = env.float("PROVIDER_TIMEOUT_SECONDS", 3.0)
PAYMENT_POLL_SECONDS = env.int("PAYMENT_POLL_SECONDS", 30)  # a provider that has told nothing for so long is asked
PAYMENT_ABANDON_SECONDS = env.int(
    "PAYMENT_ABANDON_SECONDS", 3600
)  # a charge unknown to the provider after this is given up

# --- vouchers ---
GIFT_CLAIM_DAYS = env.int("GIFT_CLAIM_DAYS", 90)  # how long a gift may be opened, while its voucher is valid
# A laptop without a mail server keeps what it would send under var/mail.
EMAIL_HOST = env.str("EMAIL_HOST", "" if LOCAL else "localhost")
EMAIL_PORT = env.int("EMAIL_PORT", 25)
EMAIL_HOST_USER = env.str("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = env.str("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = env.bool("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = env.bool("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = env.int("EMAIL_TIMEOUT", 10)  # well below OUTBOX_LEASE_SECONDS: a slow mail is not sent by two
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if EMAIL_HOST else 'filebased'}.EmailBackend"
EMAIL_FILE_PATH = VAR_DIR / "mail"
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", "Coupon Site <gifts@localhost>")

# --- cashback ---
CASHBACK_HOLD_SECONDS = env.int(
    "CASHBACK_HOLD_SECONDS", 0
)  # from payment until cashback on our own orders can be spent
CASHBACK_REVERSAL_DEPTH_MINOR = env.int(
    "CASHBACK_REVERSAL_DEPTH_MINOR", 0
)  # how far below zero a reversal may take a wallet
PAYOUT_PROVIDER = env.str("PAYOUT_PROVIDER", "sandbox")
PAYOUT_MINIMUM_MINOR = env.int("PAYOUT_MINIMUM_MINOR", 500)
PAYOUT_ABANDON_SECONDS = env.int(
    "PAYOUT_ABANDON_SECONDS", 3600
)  # a payout unknown to the bank after this has not arrived
IMPORT_MAX_BYTES = env.int("IMPORT_MAX_BYTES", 512 << 20)
# Dollars for one unit of a currency, for figures of monitoring that are in dollars; nothing is booked by them.
USD_RATES = {"USD": 1.0, "EUR": 1.08, "GBP": 1.27, **env.dict("USD_RATES", {}, subcast_values=float)}
