"""Every request is counted once, and nobody can make series by inventing things."""

import random
import string
from types import SimpleNamespace

import pytest
from asgiref.sync import iscoroutinefunction
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import AsyncRequestFactory, Client, RequestFactory
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from prometheus_client import REGISTRY

from coupon_site.tracing import request_id
from monitoring.metrics import http_active_connections
from monitoring.middleware import HttpMetrics, body_size
from monitoring.recent import Recent
from monitoring.routes import template_of

pytestmark = pytest.mark.django_db


def explode(request: HttpRequest) -> HttpResponse:
    raise ZeroDivisionError


def refuse(request: HttpRequest) -> HttpResponse:
    raise PermissionDenied


def item(request: HttpRequest, number: int) -> HttpResponse:
    return HttpResponse(str(http_active_connections._value.get()))


def count(request: HttpRequest, number: int) -> HttpResponse:
    for _ in range(number):
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    return HttpResponse("12345")


urlpatterns = [
    path("count/<int:number>", csrf_exempt(count)),
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


def test_sizes_and_statements__are_summed_up_by_route(client: Client) -> None:
    names = ("http_request_size_bytes", "http_response_size_bytes", "http_request_db_queries")
    before = [value(f"{name}_sum", path="/count/<number>") for name in names]

    client.post("/count/3", b"x" * 100, content_type="text/plain")

    after = [value(f"{name}_sum", path="/count/<number>") for name in names]
    assert [now - then for now, then in zip(after, before, strict=True)] == [100, 5, 3]


@pytest.mark.parametrize("announced", ["", "-1", "many", "９", "9" * 400, str(10**14)])
def test_made_up_length__cannot_spoil_the_sum(announced: str, settings) -> None:
    request = RequestFactory().get("/")
    request.META["CONTENT_LENGTH"] = announced

    assert 0 <= body_size(request) <= settings.IMPORT_MAX_BYTES


def test_first_request_of_a_route__has_its_failures_at_zero(client: Client) -> None:
    client.get("/items/1/")

    labels = {"method": "GET", "path": "/items/<number>/", "status": "500"}
    assert REGISTRY.get_sample_value("http_requests_total", labels) is not None


def test_failure_before_the_view_was_found__is_counted_where_it_would_have_gone() -> None:
    counted = value("http_requests_total", method="GET", path="/items/<number>/", status="500")

    with pytest.raises(ZeroDivisionError):
        HttpMetrics(explode)(RequestFactory().get("/items/8/"))

    assert value("http_requests_total", method="GET", path="/items/<number>/", status="500") == counted + 1


@pytest.mark.parametrize(("method", "counted"), [("HEAD", ("GET", "/refuse")), ("OPTIONS", ("OTHER", "unmatched"))])
def test_method_without_an_answer_of_its_own__makes_no_series(
    client: Client, method: str, counted: tuple[str, str]
) -> None:
    status = str(client.generic(method, "/refuse").status_code)
    before = value("http_requests_total", method=counted[0], path=counted[1], status=status)

    client.generic(method, "/refuse")

    assert value("http_requests_total", method=counted[0], path=counted[1], status=status) == before + 1


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
        (r"files/(?P<url>.*)$", "/files/<url>"),
        ("admin/login/", "/admin/login/"),
        ("admin/", "/admin/"),
        ("admin/autocomplete/", "/admin/"),
        (r"admin/(?P<url>.*)$", "/admin/"),
        (r"admin/^(?P<app_label>auth|orders)/$", "/admin/"),
        ("admin/orders/order/", "/admin/<model>/"),
        ("admin/orders/order/<path:object_id>/change/", "/admin/<model>/<id>/<action>/"),
        (r"api/v1/^imports/(?P<id>[^/.]+)/errors.csv/$", "/api/v1/imports/<id>/<action>/"),
        (r"api/v1/^scan/redemptions/(?P<id>[0-9a-f]{8})/void/$", "/api/v1/scan/redemptions/<id>/<action>/"),
        ("sandbox/charges/<key>/capture", "/sandbox/"),
    ],
)
def test_route__becomes_a_template_that_people_can_read(route: str, template: str) -> None:
    assert template_of(route) == template


def test_recent_requests__are_forgotten_after_five_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000_000.0
    monkeypatch.setattr("monitoring.recent.time", SimpleNamespace(time=lambda: now))
    recent = Recent()
    recent.count(failed=True)
    now += 120
    recent.count(failed=False)

    assert recent.totals() == (2, 1)

    now += 240
    assert recent.totals() == (1, 0)
