"""Every request is counted once, and nobody can make series by inventing things."""

import random
import string

import pytest
from asgiref.sync import iscoroutinefunction
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.test import AsyncRequestFactory, Client, RequestFactory
from django.urls import path
from prometheus_client import REGISTRY

from coupon_site.tracing import request_id
from monitoring.metrics import http_active_connections
from monitoring.middleware import HttpMetrics
from monitoring.recent import Recent
from monitoring.routes import template_of

pytestmark = pytest.mark.django_db


def explode(request: HttpRequest) -> HttpResponse:
    raise ZeroDivisionError


def refuse(request: HttpRequest) -> HttpResponse:
    raise PermissionDenied


def item(request: HttpRequest, number: int) -> HttpResponse:
    return HttpResponse(str(http_active_connections._value.get()))


urlpatterns = [
    path("explode", explode),
    path("refuse", refuse),
    path("items/<int:number>/", item),
    path("livez", lambda request: HttpResponse()),
]


@pytest.fixture(autouse=True)
def _urls(settings) -> None:
    settings.ROOT_URLCONF = __name__


@pytest.fixture
def client() -> Client:
    return Client(raise_request_exception=False)


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def series() -> set[tuple[str, tuple[str, ...]]]:
    families = [family for family in REGISTRY.collect() if family.name.startswith("http_request")]
    return {(sample.name, tuple(sample.labels.values())) for family in families for sample in family.samples}


@pytest.mark.parametrize(("address", "status"), [("/explode", "500"), ("/refuse", "403"), ("/items/7/", "200")])
def test_request__is_observed_exactly_once_whatever_becomes_of_it(client: Client, address: str, status: str) -> None:
    template = address.replace("7", "<number>")
    counted = value("http_requests_total", method="GET", path=template, status=status)
    timed = value("http_request_duration_seconds_count", method="GET", path=template)

    client.get(address)

    assert value("http_requests_total", method="GET", path=template, status=status) == counted + 1
    assert value("http_request_duration_seconds_count", method="GET", path=template) == timed + 1


def test_request_in_progress__is_an_active_connection_until_it_ends(client: Client) -> None:
    before = value("http_active_connections")

    during = client.get("/items/7/").content
    client.get("/explode")

    assert float(during) == before + 1
    assert value("http_active_connections") == before


def test_invented_methods_and_paths__make_no_new_series(client: Client) -> None:
    client.generic("BREW", "/items/1/")
    client.generic("BREW", "/nowhere")
    client.get("/static/nothing.css")
    client.get("/nowhere")
    known = series()

    for _ in range(200):
        word = "".join(random.choices(string.ascii_uppercase, k=6))
        client.generic(f"X{word}", f"/items/{random.randrange(10**6)}/")
        client.generic(f"X{word}", f"/{word}/{random.random()}")
        client.get(f"/{word}", headers={"X-Request-ID": word * 2})
        client.get(f"/static/{word}")

    assert series() == known


def test_probe__is_not_counted(client: Client) -> None:
    before = series()

    client.get("/livez")

    assert series() == before
    assert not any("/livez" in labels for _, labels in series())


def test_request_id__is_the_exemplar_of_its_duration(client: Client) -> None:
    client.get("/items/7/", headers={"X-Request-ID": "the-one-to-find"})

    family = next(each for each in REGISTRY.collect() if each.name == "http_request_duration_seconds")
    exemplars = [sample.exemplar.labels for sample in family.samples if sample.exemplar]
    assert {"request_id": "the-one-to-find"} in exemplars


async def test_async_request__is_observed_once_without_leaving_the_loop() -> None:
    async def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(status=204)

    middleware = HttpMetrics(view)
    before = value("http_requests_total", method="GET", path="unmatched", status="204")

    response = await middleware(AsyncRequestFactory().get("/anything"))

    assert iscoroutinefunction(middleware)
    assert response.status_code == 204
    assert value("http_requests_total", method="GET", path="unmatched", status="204") == before + 1


async def test_client_that_leaves__is_counted_as_499_and_not_as_a_failure() -> None:
    import asyncio

    async def view(request: HttpRequest) -> HttpResponse:
        raise asyncio.CancelledError

    before = value("http_requests_total", method="GET", path="unmatched", status="499")

    with pytest.raises(asyncio.CancelledError):
        await HttpMetrics(view)(AsyncRequestFactory().get("/anything"))

    assert value("http_requests_total", method="GET", path="unmatched", status="499") == before + 1


def test_exception_that_nobody_turned_into_an_answer__counts_as_500() -> None:
    before = value("http_requests_total", method="GET", path="unmatched", status="500")
    request_id.set("")

    with pytest.raises(ZeroDivisionError):
        HttpMetrics(explode)(RequestFactory().get("/anything"))

    assert value("http_requests_total", method="GET", path="unmatched", status="500") == before + 1


@pytest.mark.parametrize(
    ("route", "template"),
    [
        ("", "/"),
        ("api/scan", "/api/scan"),
        ("api/v1/orders/<uuid:id>/", "/api/v1/orders/<id>/"),
        (r"api/v1/^orders/(?P<id>[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})/cancel/$", "/api/v1/orders/<id>/cancel/"),
        (r"admin/(?P<url>.*)$", "/admin/<url>"),
    ],
)
def test_route__becomes_a_template_that_people_can_read(route: str, template: str) -> None:
    assert template_of(route) == template


def test_recent_requests__are_forgotten_after_five_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000_000.0
    monkeypatch.setattr("monitoring.recent.time.time", lambda: now)
    recent = Recent()
    recent.count(failed=True)
    now += 120
    recent.count(failed=False)

    assert recent.totals() == (2, 1)

    now += 240
    assert recent.totals() == (1, 0)
