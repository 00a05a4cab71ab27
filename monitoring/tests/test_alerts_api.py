"""Alertmanager's door, and the operators'."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import User
from conftest import MakeUser
from events.models import OutboxEvent
from monitoring.models import Alert
from monitoring.tests.alerts import ended, notification, report

pytestmark = pytest.mark.django_db

ADDRESS = "/monitoring/alerts"
LIST = "/api/v1/alerts/"
TOKEN = "by which the site knows Alertmanager"


@pytest.fixture(autouse=True)
def _token(settings: Settings) -> None:
    settings.ALERTS_TOKEN = TOKEN


@pytest.fixture
def post(api: APIClient) -> Callable[..., Any]:
    def send(document: object, *, token: str = TOKEN, **headers: str) -> Any:
        headers = {"HTTP_AUTHORIZATION": f"Bearer {token}", **headers}
        return api.post(ADDRESS, document, format="json", **headers)

    return send


def test_notification__is_kept(post: Callable[..., Any]) -> None:
    began, over = report(), ended(report(fingerprint="f2"))

    answer = post(notification(began, over))

    assert (answer.status_code, answer.json()) == (200, {"received": 2, "changed": 2})
    firing, resolved = Alert.objects.order_by("fingerprint")
    assert (firing.state, firing.ends_at) == ("firing", None)
    assert (resolved.state, resolved.ends_at) == ("resolved", over.ends_at + timedelta(microseconds=348242))
    assert firing.source_url == "http://prometheus:9090/graph?g0.expr=up"


def test_same_notification_again__is_welcome_and_changes_nothing(post: Callable[..., Any]) -> None:
    document = notification(report())
    post(document)

    answer = post(document)

    assert (answer.status_code, answer.json()) == (200, {"received": 1, "changed": 0})
    assert OutboxEvent.objects.count() == 1


def test_newer_alertmanager__may_say_more(post: Callable[..., Any]) -> None:
    assert post(notification(report(), routeLabels={}, notificationReason="x")).status_code == 200


@pytest.mark.parametrize("token", ["", "wrong", "by which", f"{TOKEN} "])
def test_other_tokens__are_refused(post: Callable[..., Any], token: str) -> None:
    answer = post(notification(report()), token=token)

    assert (answer.status_code, answer.json()["code"]) == (401, "authentication_failed")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert not Alert.objects.exists()


def test_no_token_at_all__is_refused(api: APIClient) -> None:
    assert api.post(ADDRESS, notification(report()), format="json").status_code == 401


def test_site_without_a_token__lets_nobody_in(post: Callable[..., Any], settings: Settings) -> None:
    settings.ALERTS_TOKEN = ""

    assert [post(notification(report()), token=token).status_code for token in ("", TOKEN)] == [401, 401]


def test_other_credentials__do_not_open_this_door(
    superuser: User, api_of: Callable[[User], APIClient], client: Client, settings: Settings
) -> None:
    client.force_login(superuser)
    metrics = {"HTTP_AUTHORIZATION": f"Bearer {settings.METRICS_TOKEN}"}

    answers = [
        api_of(superuser).post(ADDRESS, notification(report()), format="json"),
        client.post(ADDRESS, notification(report()), content_type="application/json"),
        client.post(ADDRESS, notification(report()), content_type="application/json", **metrics),
    ]

    assert [answer.status_code for answer in answers] == [401, 401, 401]


def test_its_token__opens_no_other_door(api: APIClient) -> None:
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {TOKEN}")

    assert [api.get(path).status_code for path in (LIST, "/metrics", "/api/v1/orders/")] == [401, 401, 401]


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        notification(report(), version="3"),
        notification(report(), alerts=[{}]),
        notification(report(), alerts=["x"]),
        notification(report(), alerts=[{**notification(report())["alerts"][0], "startsAt": "yesterday"}]),
        notification(report(), alerts=[{**notification(report())["alerts"][0], "fingerprint": "f" * 65}]),
        notification(report(), alerts=[{**notification(report())["alerts"][0], "labels": {"a": {"b": "c"}}}]),
        notification(*[report()] * 1001),
    ],
)
def test_what_is_no_notification__is_refused_whole(post: Callable[..., Any], document: object) -> None:
    answer = post(document)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert not Alert.objects.exists()


def test_storm_of_notifications__is_not_throttled(post: Callable[..., Any], settings: Settings) -> None:
    document = notification(report())

    assert {post(document, REMOTE_ADDR="192.0.2.1").status_code for _ in range(150)} == {200}


# --- Operators ------------------------------------------------------------------------------------------------------
def test_operator__sees_what_fires(
    post: Callable[..., Any], operator: User, api_of: Callable[[User], APIClient]
) -> None:
    post(notification(report(), ended(report(fingerprint="f2"))))

    answer = api_of(operator).get(LIST, {"state": "firing"}).json()

    [alert] = answer["results"]
    assert (alert["name"], alert["state"], alert["ending"]) == ("HighErrorRate", "firing", "")
    assert api_of(operator).get(f"{LIST}{alert['id']}/").json() == alert


def test_others__see_none(user: User, make_user: MakeUser, api: APIClient, api_of: Callable[[User], APIClient]) -> None:
    assert api.get(LIST).status_code == 401
    assert api_of(user).get(LIST).status_code == 403
    assert api_of(make_user(is_staff=True)).get(LIST).status_code == 403


def test_list__cannot_be_written(operator: User, api_of: Callable[[User], APIClient]) -> None:
    assert api_of(operator).post(LIST, {}).status_code == 405


# --- The admin ------------------------------------------------------------------------------------------------------
def test_admin__lists_alerts_with_their_history_and_changes_nothing(
    post: Callable[..., Any], superuser: User, client: Client
) -> None:
    fires = report(path="/<b>")
    post(notification(fires))
    post(notification(ended(fires)))
    client.force_login(superuser)
    alert = Alert.objects.get()

    page = client.get("/admin/monitoring/alert/").content.decode()
    detail = client.get(f"/admin/monitoring/alert/{alert.pk}/change/").content.decode()

    assert "HighErrorRate" in page
    assert "path=/&lt;b&gt;" in detail
    assert 'href="https://docs.example/runbooks/HighErrorRate/" rel="noreferrer"' in detail
    assert "Alertmanager said so" in detail
    assert client.get("/admin/monitoring/alert/add/").status_code == 403
    assert client.post(f"/admin/monitoring/alert/{alert.pk}/delete/", {"post": "yes"}).status_code == 403
    assert client.post(f"/admin/monitoring/alert/{alert.pk}/change/", {"name": "x"}).status_code == 403


def test_finance_and_operators__may_look(operator: User, make_user: MakeUser, client: Client) -> None:
    for who in (operator, make_user(is_staff=True, groups=["finance"])):
        client.force_login(who)
        assert client.get("/admin/monitoring/alert/").status_code == 200
    client.force_login(make_user(is_staff=True, groups=["merchants"]))
    assert client.get("/admin/monitoring/alert/").status_code == 403
