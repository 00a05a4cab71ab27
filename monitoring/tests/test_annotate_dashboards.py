"""Deployments and changes of flags become lines on Grafana's dashboards: once, and without waking anybody."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.utils import timezone
from prometheus_client import REGISTRY
from pytest_django import Settings

from accounts.models import User
from events.errors import Defer
from events.models import MessageState, OutboxMessage
from flags.choices import FlagSource
from flags.services import create_flag, set_flag
from monitoring.handlers import draw_flag, notice_deployment
from monitoring.models import Deployment
from monitoring.services import annotate, annotations, record_deployment
from monitoring.tests.grafana import TOKEN, Grafana, grafana_running

pytestmark = pytest.mark.django_db(transaction=True)

Drain = Callable[[], int]


@pytest.fixture
def grafana(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Grafana]:
    monkeypatch.setattr(annotations, "TIMEOUT_SECONDS", 60)
    with grafana_running() as server:
        settings.GRAFANA_URL, settings.GRAFANA_TOKEN = server.url, TOKEN
        yield server


def line(*, minutes_ago: float = 0, key: str = "k1") -> bool:
    happened_at = timezone.now() - timedelta(minutes=minutes_ago)
    return annotate(key=key, text="Deployed 2", tags=["deployment"], happened_at=happened_at, at=timezone.now())


def asked(status: str) -> float:
    return REGISTRY.get_sample_value("upstream_requests_total", {"service": "grafana", "status": status}) or 0


def test_deployment__becomes_a_line_at_its_moment(grafana: Grafana, drain: Drain) -> None:
    record_deployment(version="1.0", commit="a" * 40, at=timezone.now())
    record_deployment(version="1.1", commit="b" * 40, at=timezone.now())
    drain()

    first, second = grafana.annotations
    assert first["text"] == "Deployed 1.0 (aaaaaaaaaaaa)"
    assert second["text"] == "Deployed 1.1 (bbbbbbbbbbbb), after 1.0"
    assert second["tags"][:-1] == ["deployment"]
    assert abs(second["time"] / 1000 - timezone.now().timestamp()) < 30


def test_same_build_again__is_no_deployment_and_an_older_one_is(grafana: Grafana) -> None:
    builds = [("1.0", "a"), ("1.0", "a"), ("1.0", "b"), ("1.0", "a")]

    recorded = [record_deployment(version=version, commit=commit, at=timezone.now()) for version, commit in builds]

    assert [deployment is not None for deployment in recorded] == [True, False, True, True]
    assert Deployment.objects.count() == 3


def test_leading_worker__notices_its_build(settings: Settings) -> None:
    settings.SITE_VERSION, settings.SITE_COMMIT = "2.0", "c" * 40

    assert [notice_deployment(), notice_deployment()] == [1, 0]
    assert str(Deployment.objects.get()) == "2.0 (cccccccccccc)"


def test_change_of_a_flag__becomes_a_line_that_names_nobody(grafana: Grafana, superuser: User, drain: Drain) -> None:
    create_flag(key="checkout.new", actor=superuser, source=FlagSource.ADMIN)
    set_flag(key="checkout.new", enabled=True, actor=superuser, source=FlagSource.ADMIN, reason="half the shop asks")
    drain()

    made, turned_on = grafana.annotations
    assert made["text"] == "Flag checkout.new changed, it is off"
    assert turned_on["text"] == "Flag checkout.new changed, it is on: half the shop asks"
    assert turned_on["tags"][:-1] == ["flag", "checkout.new", "admin"]
    assert superuser.email not in str(grafana.annotations)


def test_message_worked_off_twice__draws_one_line(grafana: Grafana, superuser: User, drain: Drain) -> None:
    create_flag(key="checkout.new", actor=superuser, source=FlagSource.ADMIN)
    drain()

    draw_flag(OutboxMessage.objects.get(handler="monitoring.handlers.draw_flag"))

    assert len(grafana.annotations) == 1


def test_requests__are_counted(grafana: Grafana) -> None:
    answered, failed = asked("2xx"), asked("5xx")

    line()
    grafana.failing = 502
    with pytest.raises(Defer):
        line(key="k2")

    assert (asked("2xx") - answered, asked("5xx") - failed) == (2, 1)


def test_grafana_away__is_asked_again_later_without_counting(grafana: Grafana, superuser: User, drain: Drain) -> None:
    grafana.failing = 503
    create_flag(key="checkout.new", actor=superuser, source=FlagSource.ADMIN)
    drain()

    message = OutboxMessage.objects.get(handler="monitoring.handlers.draw_flag")
    assert (message.state, message.attempts) == (MessageState.PENDING, 0)
    assert message.due_at > timezone.now() + timedelta(seconds=30)

    grafana.failing = 0
    OutboxMessage.objects.update(due_at=timezone.now())
    drain()

    assert len(grafana.annotations) == 1


def test_nobody_listens_at_its_address__is_the_same(settings: Settings) -> None:
    settings.GRAFANA_URL = "http://127.0.0.1:9"

    with pytest.raises(Defer):
        line()


@pytest.mark.parametrize(("status", "minutes_ago"), [(503, 61), (403, 0), (404, 0)])
def test_line_that_cannot_be_drawn__is_given_up_and_logged(
    grafana: Grafana, status: int, minutes_ago: float, caplog: pytest.LogCaptureFixture
) -> None:
    grafana.failing = status

    assert line(minutes_ago=minutes_ago) is False

    [record] = [record for record in caplog.records if record.name.startswith("monitoring")]
    assert record.levelname == "WARNING"
    assert TOKEN not in record.getMessage()


def test_wrong_token__is_given_up(grafana: Grafana, settings: Settings) -> None:
    settings.GRAFANA_TOKEN = "wrong"

    assert line() is False
    assert grafana.annotations == []


def test_without_a_grafana__nothing_is_asked_and_nothing_waits(superuser: User, drain: Drain) -> None:
    before = sum(asked(status) for status in ("2xx", "error"))
    create_flag(key="checkout.new", actor=superuser, source=FlagSource.ADMIN)
    drain()

    assert not OutboxMessage.objects.exclude(state=MessageState.DELIVERED).exists()
    assert sum(asked(status) for status in ("2xx", "error")) == before
