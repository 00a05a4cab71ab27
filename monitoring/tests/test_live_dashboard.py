"""The live dashboard: who sees what of it, and what it costs."""

import json
import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from redis.exceptions import ConnectionError as RedisIsAway

from accounts.models import User
from flags.choices import FlagSource
from flags.services import create_flag
from monitoring.services import receive_alerts, record_slot
from monitoring.tests.alerts import ended, report
from monitoring.tests.conftest import MakeOrder, MakeSale
from orders.models import OrderState

pytestmark = pytest.mark.django_db

QUERIES = 20


@pytest.fixture
def _flag(superuser: User) -> None:
    create_flag(key="new_checkout", actor=superuser, source=FlagSource.ADMIN, enabled=True, protected=True)


def initial(html: str) -> dict:
    found = re.search(r'<script id="initial" type="application/json">(.*?)</script>', html, re.DOTALL)
    assert found
    return json.loads(found[1])


@pytest.mark.parametrize("who", [None, "user"])
def test_others_than_staff__are_sent_to_sign_in(
    client: Client, request: pytest.FixtureRequest, who: str | None
) -> None:
    if who:
        client.force_login(request.getfixturevalue(who))

    response = client.get("/")

    assert response.status_code == 302
    assert response.headers["Location"] == "/admin/login/?next=/"


def test_first_paint__shows_orders_with_state_amount_and_time(
    client: Client, superuser: User, make_order: MakeOrder
) -> None:
    client.force_login(superuser)
    order = make_order(state=OrderState.FULFILLED, total_minor=123450)

    html = client.get("/").content.decode()

    row = html[html.index(f'data-order="{order.number}"') :].partition("</li>")[0]
    assert 'data-state="fulfilled"' in row
    assert 'data-states="reserved paid fulfilled"' in row
    assert "GBP 1,234.50" in row
    assert f"{order.fulfilled_at:%H:%M:%S}<small> UTC" in row
    assert f"/admin/orders/order/?q={order.number}" in row


def test_newest_order__comes_first(client: Client, superuser: User, make_order: MakeOrder) -> None:
    client.force_login(superuser)
    old, new = make_order(seconds_ago=60), make_order(seconds_ago=5)

    html = client.get("/").content.decode()

    assert html.index(f'data-order="{new.number}"') < html.index(f'data-order="{old.number}"')


def test_figures__are_those_of_the_database(
    client: Client, superuser: User, make_order: MakeOrder, make_sale: MakeSale
) -> None:
    client.force_login(superuser)
    sale = make_sale(title="Spa day", total=50, reserved=3, sold=20, ends_at=timezone.now() + timedelta(hours=1))
    midday = timezone.now().replace(hour=12)
    make_order(state=OrderState.FULFILLED, at=midday, total_minor=1000, sale=sale)
    make_order(state=OrderState.PAID, at=midday, total_minor=500, currency="EUR", sale=sale)
    make_order(state=OrderState.RESERVED, sale=sale)
    make_order(state=OrderState.PAID, seconds_ago=90_000, total_minor=7777, sale=sale)

    figures = initial(client.get("/").content.decode())["figures"]

    assert figures["revenue_today"] == [
        {"currency": "GBP", "minor": 1000, "text": "10.00"},
        {"currency": "EUR", "minor": 500, "text": "5.00"},
    ]
    assert (figures["paid_today"], figures["fulfilled_today"], figures["orders_pending"]) == (2, 1, 1)
    assert figures["sales"][0] | {"ends_at": ""} == {
        "id": str(sale.public_id), "title": "Spa day", "ends_at": "", "total": 50, "reserved": 3, "sold": 20,
    }  # fmt: skip


@pytest.mark.usefixtures("_flag")
def test_flags__are_switches_with_their_state(client: Client, superuser: User) -> None:
    client.force_login(superuser)

    html = client.get("/").content.decode()

    switch = next(tag for tag in re.findall(r"<button[^>]*>", html) if 'data-flag="new_checkout"' in tag)
    assert 'role="switch"' in switch
    assert 'aria-checked="true"' in switch
    assert 'data-protected="true"' in switch
    assert "disabled" not in switch


@pytest.mark.usefixtures("_flag")
def test_staff_without_rights__see_figures_but_no_orders_and_no_flags(
    client: Client, make_user: Callable[..., User], make_order: MakeOrder
) -> None:
    client.force_login(make_user(is_staff=True))
    order = make_order()

    response = client.get("/")

    assert response.status_code == 200
    assert order.number not in response.content.decode()
    assert "new_checkout" not in response.content.decode()


def test_number_of_queries__does_not_grow_with_the_shop(client: Client, superuser: User, make_order: MakeOrder) -> None:
    client.force_login(superuser)
    make_order(state=OrderState.FULFILLED)
    with CaptureQueriesContext(connection) as few:
        client.get("/")
    for _ in range(40):
        make_order(state=OrderState.FULFILLED)

    with CaptureQueriesContext(connection) as many:
        client.get("/")

    assert len(many) == len(few) <= QUERIES, [query["sql"] for query in many]


def test_page__runs_no_script_that_is_written_into_it(client: Client, superuser: User) -> None:
    client.force_login(superuser)

    response = client.get("/")

    html = response.content.decode()
    assert "script-src 'self'" in response.headers["Content-Security-Policy"]
    assert "unsafe" not in response.headers["Content-Security-Policy"]
    assert all("src=" in tag or "application/json" in tag for tag in re.findall(r"<script[^>]*>", html))
    assert not re.search(r"\s(style|on\w+)=", html)


def test_hostile_text__stays_text(client: Client, superuser: User, make_sale: MakeSale) -> None:
    client.force_login(superuser)
    make_sale(title="</script><script>alert(1)</script>")

    assert "<script>alert" not in client.get("/").content.decode()


def test_charts__begin_with_the_last_quarter_of_an_hour(client: Client, superuser: User, make_order: MakeOrder) -> None:
    client.force_login(superuser)
    make_order(state=OrderState.FULFILLED, took=2)
    now = timezone.now()
    for seconds in (1200, 10, 5):
        record_slot(at=now - timedelta(seconds=seconds))

    history = initial(client.get("/").content.decode())["history"]

    assert len(history) == 2
    assert set(history[0]) >= {"at", "orders_per_minute", "latency_p95_seconds", "outbox_queued", "error_rate"}


def test_redis_away__still_shows_what_the_database_knows(
    client: Client, superuser: User, make_order: MakeOrder, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.force_login(superuser)
    order = make_order()

    def fail(*args: object, **kwargs: object) -> None:
        raise RedisIsAway

    monkeypatch.setattr("redis.Redis.execute_command", fail)

    assert order.number in client.get("/").content.decode()


def test_state__is_what_a_page_asks_for_after_a_gap(
    client: Client, superuser: User, user: User, make_order: MakeOrder
) -> None:
    order = make_order(state=OrderState.PAID)
    answers = [client.get("/dashboard/state").status_code]
    client.force_login(user)
    answers.append(client.get("/dashboard/state").status_code)
    client.force_login(superuser)

    state = client.get("/dashboard/state").json()

    assert answers == [401, 403]
    assert state["feed"][0]["key"] == order.number
    assert state["feed"][0]["states"] == "reserved paid"
    assert set(state) == {"positions", "figures", "history", "feed", "flags", "alerts"}


def test_alerts_that_fire__are_shown_the_worst_first_with_their_pages(client: Client, superuser: User) -> None:
    client.force_login(superuser)
    reports = [
        report(fingerprint="f1", alertname="HighResponseTime", severity="warning", seconds_ago=900),
        report(fingerprint="f2", alertname="<b>RedisDown</b>", severity="critical"),
        ended(report(fingerprint="f3", alertname="Over")),
    ]
    receive_alerts(reports=reports, at=timezone.now())

    html = client.get("/").content.decode()

    panel = html[html.index('data-panel="alerts"') :].partition("<template>")[0]
    assert "hidden" not in panel.partition(">")[0]
    assert panel.index("&lt;b&gt;RedisDown&lt;/b&gt;") < panel.index("HighResponseTime")
    assert 'data-severity="critical"' in panel
    assert 'href="https://docs.example/runbooks/HighErrorRate/"' in panel
    assert "Over" not in panel
    state = client.get("/dashboard/state").json()["alerts"]
    assert [alert["severity"] for alert in state] == ["critical", "warning"]


def test_no_alert__takes_no_room(client: Client, superuser: User) -> None:
    client.force_login(superuser)

    html = client.get("/").content.decode()

    assert "hidden" in html[html.index('data-panel="alerts"') :].partition(">")[0]


def test_alerts__are_not_for_staff_without_the_right(client: Client, make_user: Callable[..., User]) -> None:
    client.force_login(make_user(is_staff=True))
    receive_alerts(reports=[report()], at=timezone.now())

    assert 'data-panel="alerts"' not in client.get("/").content.decode()
    assert client.get("/dashboard/state").json()["alerts"] == []


def test_favicon__is_there_for_pages_that_name_none(client: Client) -> None:
    assert client.get("/favicon.ico").headers["Location"] == "/static/monitoring/icon.svg"
