import itertools
import re
import secrets
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from coupon_site.checks import refuse_unsafe_settings, settings_are_safe

GOOD = secrets.token_hex(32)


UseDatabase = Callable[..., None]


@pytest.fixture
def use_database(monkeypatch: pytest.MonkeyPatch) -> UseDatabase:
    """Settings of a database that nobody connects to."""

    def use(**server: Any) -> None:
        # Not by the fixture `settings`: it warns that connections stay what they are, and they shall.
        changed = {"default": {**django_settings.DATABASES["default"], "OPTIONS": {}, **server}}
        monkeypatch.setattr(django_settings, "DATABASES", changed)

    return use


@pytest.fixture
def deployed(settings: Settings, use_database: UseDatabase) -> Settings:
    """Settings as a careful operator makes them."""
    settings.LOCAL = False
    settings.DEBUG = False
    settings.HTTPS = True
    settings.SITE_URL = "https://shop.example.com"
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = GOOD, []
    settings.METRICS_TOKEN = settings.ALERTS_TOKEN = settings.SANDBOX_KEY = GOOD
    settings.SANDBOX_WEBHOOK_SECRETS = [GOOD]
    settings.ALLOWED_HOSTS = ["shop.example.com"]
    settings.REDIS_URL = f"redis://:{GOOD}@redis:6379/0"
    use_database(HOST="postgres", PASSWORD=GOOD)
    return settings


def found() -> list[str | None]:
    return [message.id for message in settings_are_safe()]


def test_careful_settings__nothing_to_say(deployed: Settings) -> None:
    assert found() == []
    refuse_unsafe_settings()


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("DEBUG", True, "site.E001"),
        ("SECRET_KEY", GOOD[:30], "site.E002"),
        ("SECRET_KEY", "django-insecure-" + GOOD, "site.E002"),
        ("SECRET_KEY", "abcd" * 20, "site.E002"),
        ("SECRET_KEY_FALLBACKS", ["unused"], "site.E002"),
        ("METRICS_TOKEN", "", "site.E003"),
        ("METRICS_TOKEN", "changeme-changeme", "site.E003"),
        ("SANDBOX_KEY", "admin123", "site.E003"),
        ("ALERTS_TOKEN", "alerts", "site.E003"),
        ("SANDBOX_WEBHOOK_SECRETS", [GOOD, "x"], "site.E003"),
        ("ALLOWED_HOSTS", [], "site.E004"),
        ("ALLOWED_HOSTS", ["shop.example.com", "*"], "site.E004"),
        ("REDIS_URL", "redis://redis:6379/0", "site.E006"),
        ("REDIS_URL", "rediss://:redis@redis:6379/0", "site.E006"),
        ("REDIS_URL", "redis+sentinel://sentinel:26379/0?master=coupon-site", "site.E006"),
        ("SITE_URL", "http://shop.example.com", "site.W001"),
    ],
    ids=itertools.count(),  # the values are made anew in each process
)
def test_one_careless_setting__is_named(deployed: Settings, name: str, value: object, code: str) -> None:
    setattr(deployed, name, value)

    assert found() == [code]


@pytest.mark.parametrize("password", ["", "postgres", "coupon_site", "Password1234567", "aaaaaaaaaaaaaaaaaaaa"])
def test_database_with_a_password_that_everybody_tries__is_named(
    deployed: Settings, use_database: UseDatabase, password: str
) -> None:
    use_database(HOST="postgres", PASSWORD=password)

    assert found() == ["site.E005"]


@pytest.mark.parametrize(
    "server",
    [{"HOST": "/var/run/postgresql", "PASSWORD": ""}, {"HOST": "db", "PASSWORD": "", "OPTIONS": {"sslcert": "/x"}}],
)
def test_database_that_knows_the_site_otherwise__needs_no_password(
    deployed: Settings, use_database: UseDatabase, server: dict[str, Any]
) -> None:
    use_database(**server)

    assert found() == []


def test_redis_on_a_socket_of_this_machine__needs_no_password(deployed: Settings) -> None:
    deployed.REDIS_URL = "unix:///run/redis.sock?db=0"

    assert found() == []


def test_laptop__may_do_as_it_likes(deployed: Settings) -> None:
    deployed.LOCAL, deployed.DEBUG, deployed.ALLOWED_HOSTS = True, True, ["*"]

    assert found() == []


def test_every_command__makes_the_check(deployed: Settings) -> None:
    deployed.DEBUG = True

    assert "site.E001" in {message.id for message in run_checks()}


def test_server__does_not_start_and_says_why_and_what_to_do(deployed: Settings) -> None:
    deployed.DEBUG, deployed.METRICS_TOKEN = True, "x"

    with pytest.raises(ImproperlyConfigured, match=re.escape("(site.E001). Unset DEBUG; METRICS_TOKEN")):
        refuse_unsafe_settings()


def test_refusal__tells_no_secret(deployed: Settings) -> None:
    deployed.REDIS_URL = "redis://:sesame@redis:6379/0"

    with pytest.raises(ImproperlyConfigured) as refused:
        refuse_unsafe_settings()

    assert "sesame" not in str(refused.value)
