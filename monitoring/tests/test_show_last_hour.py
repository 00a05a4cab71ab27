"""The report of the last hour as a page for people."""

import json
import re

import pytest
from django.test import Client
from django.utils import timezone
from redis.exceptions import ConnectionError as RedisIsAway

from accounts.models import User
from monitoring import window
from monitoring.services import record_slot
from monitoring.tests.conftest import MakeOrder
from orders.models import OrderState

pytestmark = pytest.mark.django_db

PAGE = "/monitoring/benchmark"
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@pytest.fixture
def staff(client: Client, operator: User) -> Client:
    client.force_login(operator)
    return client


def read(client: Client) -> str:
    response = client.get(PAGE, headers=BROWSER)
    assert response.status_code == 200
    return response.content.decode()


def history_of(html: str) -> list[dict]:
    found = re.search(r'<script id="history" type="application/json">(.*?)</script>', html, re.DOTALL)
    assert found
    return json.loads(found[1])


def cells(html: str) -> dict[str, list[str]]:
    """Percentile → the times in its row."""
    rows = re.findall(r'<th scope="row">(\w+)</th>(.*?)</tr>', html, re.DOTALL)
    return {name: re.findall(r"<span>([\d.]+) s</span>", row) for name, row in rows}


@pytest.mark.parametrize("who", [None, "user"])
def test_others_than_staff__are_sent_to_sign_in(
    client: Client, request: pytest.FixtureRequest, who: str | None
) -> None:
    if who:
        client.force_login(request.getfixturevalue(who))

    response = client.get(PAGE, headers=BROWSER)

    assert (response.status_code, response.headers["Location"]) == (302, f"/admin/login/?next={PAGE}")


def test_program__still_gets_json(staff: Client, settings) -> None:
    token = {"Authorization": f"Bearer {settings.METRICS_TOKEN}"}

    assert staff.get(PAGE).json()["period_seconds"] == 3600
    assert staff.get(PAGE, headers={"Accept": "application/json"}).json()["period_seconds"] == 3600
    assert Client().get(PAGE, headers={**BROWSER, **token}).json()["period_seconds"] == 3600


def test_empty_hour__says_so(staff: Client) -> None:
    html = read(staff)

    assert "Nothing to show yet" in html
    assert history_of(html) == []


def test_page__shows_throughput_percentiles_and_failures(staff: Client, make_order: MakeOrder) -> None:
    for took in range(1, 101):
        make_order(state=OrderState.FULFILLED, seconds_ago=200, took=took)
    for _ in range(25):
        make_order(state=OrderState.EXPIRED)
    record_slot(at=timezone.now())

    html = read(staff)

    assert cells(html)["p50"] == ["50.00", "25.00"]
    assert cells(html)["p99"] == ["99.00", "49.50"]
    assert cells(html)["max"] == ["100.00", "50.00"]
    assert "20.0<small>%</small>" in html
    assert len(history_of(html)) == 1
    assert set(history_of(html)[0]) >= {"at", "orders_per_minute", "latency_p95_seconds", "error_rate"}


def test_redis_away__is_told_in_words(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*args: object, **kwargs: object) -> None:
        raise RedisIsAway

    monkeypatch.setattr(window, "series", away)

    response = staff.get(PAGE, headers=BROWSER)

    assert response.status_code == 503
    assert "can’t be reached now" in response.content.decode()


def test_page__runs_nothing_that_it_carries_itself(staff: Client) -> None:
    response = staff.get(PAGE, headers=BROWSER)

    assert "script-src 'self'" in response.headers["Content-Security-Policy"]
    assert not re.search(r"<script(?![^>]*(src=|application/json))|\sstyle=|\son\w+=", response.content.decode())
