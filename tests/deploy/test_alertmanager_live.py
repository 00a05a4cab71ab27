"""The real Alertmanager with the deployed configuration: what arrives where, in which words, and what is inhibited."""

from collections.abc import Iterator
from itertools import count

import pytest

from monitoring.receivers import Notice, Receivers, running
from tests.deploy.alertmanager import Manager, alertmanager, labels_of
from tests.live import wait_for

pytestmark = pytest.mark.xdist_group("alertmanager")

LOGIN = ("alerts", "secret")
_clusters = count(1)


@pytest.fixture(scope="module")
def receivers() -> Iterator[Receivers]:
    with running(login=LOGIN) as receivers:
        yield receivers


@pytest.fixture(scope="module")
def manager(receivers: Receivers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Manager]:
    """One for all tests: each keeps to a cluster of its own. Its quiet hours are all day."""
    settings = {
        **receivers.settings,
        "SMTP_USERNAME": LOGIN[0],
        "SMTP_PASSWORD": LOGIN[1],
        "ALERTS_TOKEN": "token",
        "SITE_ALERTS_URL": receivers.webhook_url,
        "QUIET_HOURS": "1",
    }
    with alertmanager(tmp_path_factory.mktemp("alertmanager"), settings, all_day_quiet=True) as manager:
        yield manager


@pytest.fixture
def cluster() -> str:
    """A name that no other test uses; alerts of different clusters have nothing to do with each other."""
    return f"c{next(_clusters)}x"


def came(receivers: Receivers, kind: str, cluster: str, *words: str, channel: str = "") -> Notice:
    """The notification of that cluster that has these words."""
    return receivers.wait_for(
        lambda notice: (
            notice.kind == kind
            and cluster in notice.text
            and channel in notice.channel
            and all(word in notice.text for word in words)
        )
    )


def channels(receivers: Receivers, cluster: str) -> set[str]:
    """Slack's channels that have heard of a cluster."""
    return {notice.channel for notice in receivers.of("slack") if cluster in notice.text}


def test_critical_alert__arrives_at_slack_discord_and_mail_with_its_links(
    manager: Manager, receivers: Receivers, cluster: str
) -> None:
    labels = labels_of("RedisDown", cluster=cluster, instance="redis-1:9121")

    manager.post(
        labels,
        summary=f"Redis <of {cluster}> doesn't answer",
        description="redis_up is 0.",
        runbook_url="https://docs.example/runbooks/RedisDown/",
        dashboard_url="https://grafana.example/d/shop-infrastructure",
    )

    for kind in ("slack", "discord", "email"):
        notice = came(receivers, kind, cluster, "🚨 [FIRING] RedisDown (redis)", "redis_up is 0.", "critical · since ")
        assert "https://docs.example/runbooks/RedisDown/" in notice.text
        assert "https://grafana.example/d/shop-infrastructure" in notice.text
        assert "instance redis-1:9121" in notice.text
    slack = came(receivers, "slack", cluster)
    assert slack.channel == "#alerts-critical"
    assert f"Redis &lt;of {cluster}&gt; doesn't answer" in slack.text
    assert slack.body["attachments"][0]["color"] == "#a92a1f"
    mail = came(receivers, "email", cluster)
    assert mail.channel == "oncall@shop.example"
    assert f"Redis &lt;of {cluster}&gt;" in mail.body["parts"][1]


def test_end_of_an_alert__is_told_in_green(manager: Manager, receivers: Receivers, cluster: str) -> None:
    labels = labels_of("RedisMemoryHigh", cluster=cluster)
    manager.post(labels, summary=f"Redis of {cluster} is full")
    came(receivers, "slack", cluster, "⚠️ [FIRING]")

    manager.post(labels, over=True, summary=f"Redis of {cluster} is full")

    over = came(receivers, "slack", cluster, "✅ [RESOLVED] RedisMemoryHigh", "_resolved_", "over at")
    assert over.channel == "#alerts-warnings"
    assert over.body["attachments"][0]["color"] == "#0b6b4c"
    came(receivers, "email", cluster, "✅ [RESOLVED] RedisMemoryHigh")
    came(receivers, "webhook", cluster, "resolved")


def test_critical_payment_alert__is_told_to_payments_and_pages(
    manager: Manager, receivers: Receivers, cluster: str
) -> None:
    manager.post(labels_of("LowPaymentSuccessRate", cluster=cluster), summary=f"Payments of {cluster} fail")

    came(receivers, "slack", cluster, channel="#payments-alerts")
    came(receivers, "slack", cluster, channel="#alerts-critical")
    came(receivers, "discord", cluster)


def test_business_alert_in_quiet_hours__is_on_the_site_and_wakes_nobody(
    manager: Manager, receivers: Receivers, cluster: str
) -> None:
    manager.post(labels_of("LowGiftCreation", cluster=cluster), summary=f"Few gifts of {cluster}")
    came(receivers, "webhook", cluster, "LowGiftCreation")

    manager.post(labels_of("RedisMemoryHigh", cluster=cluster), summary=f"Redis of {cluster} is full")
    came(receivers, "slack", cluster, "RedisMemoryHigh")

    assert channels(receivers, cluster) == {"#alerts-warnings"}


def test_critical_alert__silences_warnings_of_its_service_and_no_other(
    manager: Manager, receivers: Receivers, cluster: str
) -> None:
    manager.post(labels_of("HighErrorRate", cluster=cluster), summary=f"{cluster} critical of web")
    for kind in ("slack", "discord", "email", "webhook"):
        came(receivers, kind, cluster, "HighErrorRate")
    manager.post(
        labels_of("HighResponseTime", cluster=cluster),
        labels_of("SlowOrderProcessing", cluster=cluster),
        summary=f"{cluster} warning",
    )

    came(receivers, "slack", cluster, "SlowOrderProcessing")
    came(receivers, "webhook", cluster, "SlowOrderProcessing")
    told = {notice.title for notice in receivers.notices.all if cluster in notice.text}
    assert told == {
        "🚨 [FIRING] HighErrorRate (web)",
        "⚠️ [FIRING] SlowOrderProcessing (orders)",
        "[FIRING] HighErrorRate",
        "[FIRING] SlowOrderProcessing",
    }


@pytest.mark.parametrize(
    ("cause", "alert", "silenced"),
    [
        (labels_of("HighErrorRate"), labels_of("HighErrorRateByPath"), True),
        (labels_of("HighErrorRate"), labels_of("HighErrorVolume"), True),
        (labels_of("HighErrorRateByPath"), labels_of("HighErrorRate"), False),
        (labels_of("HighErrorRate"), labels_of("LowPaymentSuccessRate"), False),
        (labels_of("ServiceDown", service="web"), labels_of("ApiResponseTimeHigh"), True),
        (labels_of("ServiceDown", service="web"), labels_of("ProbeFailed"), False),
        (labels_of("ServiceDown", service="worker"), labels_of("ApiResponseTimeHigh"), False),
        (labels_of("ServiceDown", service="worker"), labels_of("OutboxOldestPendingOld", scope="stuck"), True),
        (labels_of("ServiceDown", service="orders"), labels_of("InventoryOversold"), False),
        (labels_of("RedisDown"), labels_of("HighErrorRate"), True),
        (labels_of("RedisDown"), labels_of("RealtimeDeliverySlow"), True),
        (labels_of("RedisDown"), labels_of("SloBurnRatePage", service="web"), True),
        (labels_of("RedisDown"), labels_of("DatabaseConnectionIssues"), False),
        (labels_of("RedisDown"), labels_of("PodDown"), False),
        (labels_of("RedisDown"), labels_of("StateExporterStale"), False),
        (labels_of("DatabaseConnectionIssues"), labels_of("StateExporterStale"), True),
        (labels_of("DatabaseConnectionIssues"), labels_of("OutboxQueueBacklog"), True),
        (labels_of("DatabaseConnectionIssues"), labels_of("WalletLedgerImbalance"), False),
        (labels_of("DatabaseConnectionIssues"), labels_of("InventoryOversold"), False),
        (labels_of("DatabaseConnectionIssues"), labels_of("LowPaymentSuccessRate"), False),
        (labels_of("DatabaseConnectionIssues"), labels_of("Watchdog"), False),
        (labels_of("InfoInhibitor", service="backup"), labels_of("RestoreDrillTooOld"), True),
        (labels_of("InfoInhibitor", service="web"), labels_of("RestoreDrillTooOld"), False),
        (labels_of("RedisMemoryHigh"), labels_of("RedisRejectedConnections"), False),
    ],
    ids=lambda value: value["alertname"] if isinstance(value, dict) else str(value),
)
def test_inhibition__silences_consequences_and_nothing_else(
    manager: Manager, cluster: str, cause: dict[str, str], alert: dict[str, str], silenced: bool
) -> None:
    alert = {**alert, "cluster": cluster}
    manager.post({**cause, "cluster": cluster})
    manager.post(alert)

    if silenced:
        wait_for(lambda: manager.silenced(alert), f"{alert} to be silenced")
    assert manager.silenced(alert) is silenced

    # The control: it is the cause that silences.
    manager.post({**cause, "cluster": cluster}, over=True)
    wait_for(lambda: not manager.silenced(alert), f"{alert} to be heard")


def test_cause_in_another_cluster__silences_nothing(manager: Manager, cluster: str) -> None:
    alert = labels_of("HighErrorRate", cluster=cluster)

    manager.post(labels_of("RedisDown", cluster="elsewhere"), alert)

    assert not manager.silenced(alert)


def test_slack_away_for_a_while__gets_it_later(manager: Manager, receivers: Receivers, cluster: str) -> None:
    receivers.failing["slack"] = 503
    manager.post(labels_of("RedisMemoryHigh", cluster=cluster), summary=f"Redis of {cluster} is full")
    came(receivers, "email", cluster)
    assert channels(receivers, cluster) == set()

    receivers.failing.clear()

    assert came(receivers, "slack", cluster).channel == "#alerts-warnings"


def test_watchdog__beats_again_and_again_and_nowhere_else(manager: Manager, receivers: Receivers, cluster: str) -> None:
    manager.post(labels_of("Watchdog", cluster=cluster))

    wait_for(lambda: sum(cluster in notice.text for notice in receivers.of("heartbeat")) >= 2, "the second heartbeat")
    assert {notice.kind for notice in receivers.notices.all if cluster in notice.text} == {"heartbeat"}


def test_two_alerts_of_one_service__come_as_one_message(manager: Manager, receivers: Receivers, cluster: str) -> None:
    labels = labels_of("DiskSpaceLow", cluster=cluster)

    manager.post({**labels, "mountpoint": "/"}, {**labels, "mountpoint": "/var"}, summary=f"Disk of {cluster} is full")

    notice = came(receivers, "slack", cluster, "mountpoint /var")
    assert notice.title == "⚠️ [FIRING:2] DiskSpaceLow (node)"
    assert "mountpoint /\n" in notice.text.replace("_\n", "\n")
