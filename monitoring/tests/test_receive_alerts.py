"""What Alertmanager tells is kept once, whatever the order and number of its notifications."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise, permutations
from typing import Any

import orjson
import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from prometheus_client import REGISTRY

from coupon_site.models import StateChange
from events.models import OutboxEvent
from monitoring.models import Alert, AlertEnding, AlertState
from monitoring.services import AlertReport, alerts, close_silent_alerts, receive_alerts
from monitoring.tests.alerts import ended, report
from tests.crowd import Crowd, meet

pytestmark = pytest.mark.django_db


def receive(*reports: AlertReport, at: datetime | None = None) -> int:
    return receive_alerts(reports=reports, at=at or timezone.now())


def announced() -> list[str]:
    """Types of events on the alerts' channel, in their order."""
    return list(OutboxEvent.objects.filter(channel="events:alerts").order_by("id").values_list("event_type", flat=True))


def told(status: str) -> float:
    return REGISTRY.get_sample_value("alerts_received_total", {"status": status}) or 0


def test_alert_that_fires__is_kept_and_announced() -> None:
    fires = report(path="/checkout")

    assert receive(fires) == 1

    alert = Alert.objects.get()
    assert (alert.name, alert.severity, alert.service) == ("HighErrorRate", "critical", "web")
    assert (alert.state, alert.starts_at, alert.ends_at, alert.ending) == ("firing", fires.starts_at, None, "")
    assert alert.labels["path"] == "/checkout"
    event = OutboxEvent.objects.get()
    data = orjson.loads(event.payload)
    assert (event.event_type, event.channel) == ("alert.fired", "events:alerts")
    assert event.audience == ["perm:monitoring.view_alert"]
    assert data["alert"] == str(alert.public_id)
    assert (data["alertname"], data["severity"], data["state"]) == ("HighErrorRate", "critical", "firing")
    assert data["summary"] == "Too many requests fail"
    assert data["runbook_url"] == "https://docs.example/runbooks/HighErrorRate/"
    assert "labels" not in data


def test_same_notification_again__changes_nothing_but_when_it_was_heard() -> None:
    fires, later = report(), timezone.now() + timedelta(minutes=5)
    receive(fires)

    assert receive(fires, fires, at=later) == 0

    assert Alert.objects.get().received_at == later
    assert announced() == ["alert.fired"]
    assert not StateChange.objects.exists()


def test_repetition_with_another_figure__shows_the_newer_one() -> None:
    fires = report()
    receive(fires)

    receive(replace(fires, annotations={**fires.annotations, "description": "9 % of them"}))

    assert Alert.objects.get().description == "9 % of them"
    assert announced() == ["alert.fired"]


def test_end__is_kept_and_announced_once() -> None:
    fires = report()
    over = ended(fires)
    receive(fires)

    assert receive(over) == 1
    assert receive(over) == 0

    alert = Alert.objects.get()
    assert (alert.state, alert.ends_at, alert.ending) == ("resolved", over.ends_at, "reported")
    assert announced() == ["alert.fired", "alert.resolved"]
    change = StateChange.objects.get()
    assert (change.from_state, change.to_state, change.reason) == ("firing", "resolved", "Alertmanager said so")


def test_late_copy_of_a_beginning__does_not_open_what_is_over() -> None:
    fires = report(seconds_ago=20)
    receive(ended(fires))

    assert receive(fires) == 0

    assert Alert.objects.get().state == AlertState.RESOLVED


def test_alert_that_fires_again_within_its_episode__is_open_again() -> None:
    fires = report(seconds_ago=600)
    receive(ended(fires))

    assert receive(fires) == 1

    alert = Alert.objects.get()
    assert (alert.state, alert.ends_at, alert.ending) == ("firing", None, "")
    assert announced() == ["alert.resolved", "alert.fired"]


def test_end_of_which_the_beginning_was_never_told__is_kept_as_over() -> None:
    receive(ended(report()))

    assert Alert.objects.get().state == AlertState.RESOLVED
    assert announced() == ["alert.resolved"]


def test_new_episode__ends_the_one_before() -> None:
    old, new = report(seconds_ago=600), report(seconds_ago=60)
    receive(old)

    assert receive(new) == 2

    first, second = Alert.objects.order_by("starts_at")
    assert (first.state, first.ends_at, first.ending) == ("resolved", new.starts_at, "replaced")
    assert second.state == AlertState.FIRING


def test_any_order_of_two_episodes__ends_in_the_same_state() -> None:
    old, new = report(seconds_ago=600), report(seconds_ago=60)
    told_of = [old, ended(old), new]

    outcomes = set()
    for order in permutations(told_of):
        with transaction.atomic():
            for each in order:
                receive(each)
            outcomes.add(Alert.objects.firing().get().starts_at)
            transaction.set_rollback(True)

    assert outcomes == {new.starts_at}


def test_alerts_of_other_labels__are_alerts_of_their_own() -> None:
    assert receive(report(), report(fingerprint="f2", path="/pay")) == 2

    assert Alert.objects.firing().count() == 2


def test_number_of_statements__does_not_grow_with_what_is_known(django_assert_max_num_queries: Any) -> None:
    reports = [report(fingerprint=f"f{number}") for number in range(20)]
    receive(*reports)

    with django_assert_max_num_queries(6):
        receive(*reports)


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "//evil.example", "http://[", "x" * 600])
def test_link_that_a_browser_would_run__is_left_out(url: str) -> None:
    fires = report()

    receive(replace(fires, annotations={"runbook_url": url, "dashboard_url": url}, source_url=url))

    alert = Alert.objects.get()
    assert (alert.runbook_url, alert.dashboard_url, alert.source_url) == ("", "", "")


def test_text_longer_than_its_column__is_cut() -> None:
    labels = dict.fromkeys(["alertname", "severity", "service", "category"], "x" * 3000)

    receive(replace(report(), labels=labels, annotations={"summary": "y" * 3000, "description": "z" * 3000}))

    alert = Alert.objects.get()
    assert (len(alert.name), len(alert.summary), len(alert.description)) == (200, 500, 2000)


def test_received_alerts__are_counted_once_committed(django_capture_on_commit_callbacks: Any) -> None:
    firing, resolved = told("firing"), told("resolved")

    with django_capture_on_commit_callbacks(execute=True):
        receive(report(), report(fingerprint="f2"), ended(report(fingerprint="f3")))

    assert (told("firing") - firing, told("resolved") - resolved) == (2, 1)


# --- Silence --------------------------------------------------------------------------------------------------------
def test_alert_that_is_no_longer_repeated__is_over() -> None:
    now = timezone.now()
    receive(report(fingerprint="silent"), at=now - timedelta(minutes=16))
    receive(report(fingerprint="heard"), at=now - timedelta(minutes=14))

    assert close_silent_alerts(at=now) == 1

    silent = Alert.objects.get(fingerprint="silent")
    assert (silent.state, silent.ends_at, silent.ending) == ("resolved", now, "silent")
    assert Alert.objects.get(fingerprint="heard").state == AlertState.FIRING
    assert close_silent_alerts(at=now) == 0


def test_silent_alert_that_is_repeated_after_all__fires() -> None:
    now, fires = timezone.now(), report()
    receive(fires, at=now - timedelta(minutes=16))
    close_silent_alerts(at=now)

    assert receive(fires, at=now + timedelta(seconds=1)) == 1

    assert Alert.objects.get().state == AlertState.FIRING


# --- What the database holds ----------------------------------------------------------------------------------------
@pytest.fixture
def refused() -> Iterator[Callable[..., None]]:
    def write(**fields: Any) -> None:
        now = timezone.now()
        with pytest.raises(IntegrityError), transaction.atomic():
            Alert.objects.create(**{"name": "X", "fingerprint": "f1", "starts_at": now, "received_at": now, **fields})

    return write


def test_table__refuses_what_cannot_be(refused: Callable[..., None]) -> None:
    fires = report()
    receive(fires)
    now = timezone.now()

    refused(starts_at=fires.starts_at, state=AlertState.RESOLVED, ends_at=now, ending=AlertEnding.REPORTED)
    refused()
    refused(fingerprint="f2", ends_at=now)
    refused(fingerprint="f2", state=AlertState.RESOLVED)
    refused(fingerprint="f2", state=AlertState.RESOLVED, ends_at=now)
    refused(fingerprint="f2", state=AlertState.RESOLVED, ends_at=now - timedelta(days=1), ending=AlertEnding.REPORTED)
    refused(fingerprint="f2", state="else")


# --- At the same instant --------------------------------------------------------------------------------------------
def tell(*, seconds: list[int], over: bool, epoch: float) -> int:
    """In a process of its own: the alerts that began at these seconds."""
    starts = [timezone.now().fromtimestamp(epoch + second, tz=timezone.get_current_timezone()) for second in seconds]
    reports = [
        replace(report(), starts_at=start, ends_at=start + timedelta(seconds=1) if over else None) for start in starts
    ]
    return receive(*reports)


def without_lock() -> None:
    """All have read before one writes."""

    def latest(fingerprints: set[str]) -> dict[str, Alert]:
        known = read(fingerprints)
        meet()
        return known

    read = alerts.latest_episodes
    alerts.keep_others_out = lambda: None
    alerts.latest_episodes = latest


def at_once(crowd: Crowd, tellings: Iterable[tuple[list[int], bool]], **options: Any) -> list[Any]:
    epoch = timezone.now().timestamp() - 3600
    return crowd.at_once(
        *(partial(tell, seconds=seconds, over=over, epoch=epoch) for seconds, over in tellings), **options
    )


@pytest.mark.django_db(transaction=True)
def test_without_the_lock__the_race_is_real(crowd: Crowd) -> None:
    """The control: if this fails, the next tests prove nothing."""
    assert sorted(map(str, at_once(crowd, [([0], False)] * 2, unguard=without_lock))) == ["1", "IntegrityError"]


@pytest.mark.django_db(transaction=True)
def test_same_notification_at_the_same_instant__is_kept_and_announced_once(crowd: Crowd) -> None:
    answers = at_once(crowd, [([0], False)] * 4)

    assert sorted(answers) == [0, 0, 0, 1]
    assert Alert.objects.get().state == AlertState.FIRING
    assert announced() == ["alert.fired"]


@pytest.mark.django_db(transaction=True)
def test_beginnings_and_ends_at_the_same_instant__end_with_the_newest_episode(crowd: Crowd) -> None:
    answers = at_once(crowd, [([0, 600], False), ([0], True), ([600], False), ([0], False)])

    assert all(isinstance(answer, int) for answer in answers)
    newest = Alert.objects.firing().get()
    assert newest == Alert.objects.latest("starts_at")
    news = announced()
    assert news[-1] == "alert.fired"  # an end may be the first that is heard of an episode
    assert all(one != next_one for one, next_one in pairwise(news))
