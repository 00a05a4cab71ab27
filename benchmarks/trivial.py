"""A site of trivial views, measured by nobody, by django-prometheus and by us: what remains is the measuring."""

import logging
import os
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

T = TypeVar("T")

BARE, PEER, OURS = "bare", "django-prometheus", "ours"
CONTENDERS = (BARE, PEER, OURS)
VIEWS, STATUSES = 50, (200, 404, 409, 500)
# What Prometheus sends.
ACCEPT = "application/openmetrics-text;version=1.0.0;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
TOKEN = "benchmark"  # noqa: S105  nobody listens


def set_up() -> None:
    """Django with the site's settings, but these views. No server is asked for anything."""
    os.environ.update(LOCAL="1", METRICS_TOKEN=TOKEN)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "coupon_site.settings")
    from django.conf import settings

    settings.ROOT_URLCONF = "benchmarks.trivial_urls"
    settings.ALLOWED_HOSTS = ["*"]
    logging.disable()  # of answers that are asked for


def built(contender: str, build: Callable[[], T]) -> T:
    """An application with what measures it: middleware is read when one is made."""
    from django.conf import settings

    settings.MIDDLEWARE = middleware(contender)
    return build()


def middleware(contender: str) -> list[str]:
    """Some of Django's own and the id of the request, which our exemplars name, with what measures around it."""
    own = [
        "coupon_site.tracing.RequestIdMiddleware",
        "django.middleware.security.SecurityMiddleware",
        "django.middleware.common.CommonMiddleware",
    ]
    if contender == PEER:
        package = "django_prometheus.middleware"
        return [f"{package}.PrometheusBeforeMiddleware", *own, f"{package}.PrometheusAfterMiddleware"]
    if contender == OURS:
        return ["monitoring.middleware.HttpMetrics", *own]
    return own


def wsgi_environ(path: str) -> dict[str, Any]:
    """A GET as a server hands it over."""
    from django.test import RequestFactory

    return RequestFactory().get(path, headers={"Accept": ACCEPT, "Authorization": f"Bearer {TOKEN}"}).environ


def start_response(*answer: object) -> Callable[[bytes], None]:
    """What a WSGI server is told."""
    return lambda body: None


def asgi_scope(path: str) -> Mapping[str, Any]:
    """A GET for an ASGI application."""
    from django.test import AsyncRequestFactory

    return AsyncRequestFactory().get(path).scope
