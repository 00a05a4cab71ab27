"""A configuration that is not safe outside a laptop: commands refuse to run with it, and so do the servers."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004  Django's own name
from django.core.exceptions import ImproperlyConfigured

SHORTEST_SECRET = 12
SHORTEST_KEY = 50
FEWEST_CHARACTERS = 5
# What images, tutorials and examples begin with.
WELL_KNOWN = (
    "admin",
    "change",
    "coupon",
    "default",
    "dev-only",
    "django-insecure",
    "example",
    "password",
    "postgres",
    "redis",
    "secret",
    "test",
    "unused",
)
RANDOM = "Set a random one: openssl rand -hex 32"


@register(Tags.security)
def settings_are_safe(**kwargs: Any) -> list[CheckMessage]:
    """What is wrong with the settings of a site that others can reach; a laptop's are its own business."""
    return [] if settings.LOCAL else [*debugging(), *keys(), *hosts(), *database(), *redis(), *address()]


def refuse_unsafe_settings() -> None:
    """For servers, which run no system checks. Raises ImproperlyConfigured."""
    if errors := [message for message in settings_are_safe() if message.is_serious()]:
        raise ImproperlyConfigured("; ".join(f"{error.msg} ({error.id}). {error.hint}" for error in errors))


def debugging() -> Iterator[Error]:
    if settings.DEBUG:
        yield Error("DEBUG shows visitors the site's inside", hint="Unset DEBUG", id="site.E001")


def keys() -> Iterator[Error]:
    """The site's own secrets."""
    for key in [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]:
        if len(key) < SHORTEST_KEY or is_guessable(key):
            yield Error("SECRET_KEY can be guessed: sessions and links could be forged", hint=RANDOM, id="site.E002")
    # Without the token of Alertmanager nobody may tell of alerts.
    names = ["METRICS_TOKEN", "SANDBOX_KEY", *(["ALERTS_TOKEN"] if settings.ALERTS_TOKEN else [])]
    for name in names:
        if is_guessable(getattr(settings, name)):
            yield Error(f"{name} can be guessed", hint=RANDOM, id="site.E003")
    if any(map(is_guessable, settings.SANDBOX_WEBHOOK_SECRETS)):
        yield Error("SANDBOX_WEBHOOK_SECRET can be guessed: payments could be forged", hint=RANDOM, id="site.E003")


def hosts() -> Iterator[Error]:
    if not settings.ALLOWED_HOSTS or "*" in settings.ALLOWED_HOSTS:
        hint = "Name the hosts in ALLOWED_HOSTS, by commas"
        yield Error("The site would answer to any name, or to none", hint=hint, id="site.E004")


def database() -> Iterator[Error]:
    """Over a network PostgreSQL asks for a password, a certificate or a file of passwords."""
    server = settings.DATABASES["default"]
    other_proof = {"sslcert", "passfile", "service"} & server["OPTIONS"].keys()
    if is_remote(server["HOST"]) and not other_proof and is_guessable(server["PASSWORD"]):
        hint = "Give the role a random password and name it in DATABASE_URL: openssl rand -hex 32"
        yield Error("The password of PostgreSQL is missing or can be guessed", hint=hint, id="site.E005")


def redis() -> Iterator[Error]:
    url = urlsplit(settings.REDIS_URL)
    if url.scheme != "unix" and is_guessable(url.password or ""):
        hint = "requirepass in Redis, and the same in REDIS_URL: redis://:<password>@host:6379/0"
        yield Error("The password of Redis is missing or can be guessed", hint=hint, id="site.E006")


def address() -> Iterator[Warning]:
    if settings.HTTPS and settings.SITE_URL and not settings.SITE_URL.startswith("https://"):
        hint = "SITE_URL=https://…"
        yield Warning("Links in mails lead to an address without TLS", hint=hint, id="site.W001")


def is_remote(host: str) -> bool:
    """Whether a server is asked over the network, not by a socket of this machine."""
    return bool(host) and not host.startswith("/")


def is_guessable(secret: str) -> bool:
    """Whether a secret is missing, short, repeats itself or begins like what everybody tries first."""
    return (
        len(secret) < SHORTEST_SECRET or len(set(secret)) < FEWEST_CHARACTERS or secret.lower().startswith(WELL_KNOWN)
    )
