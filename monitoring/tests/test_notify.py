"""`manage.py monitoring test-alert` and `silence`: what is said to Alertmanager, and what is refused."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from monitoring.operations import send_test_alert
from monitoring.remote.alertmanager import Matcher
from monitoring.tests.stub_server import StubServer, stub_server

ALERT = {"receivers": [{"name": "critical"}], "status": {"silencedBy": [], "inhibitedBy": []}}


CONFIG = """
receivers:
  - name: "null"
  - name: critical
    slack_configs: [{channel: "#alerts"}]
    email_configs: []
"""


def notices(sent: int, failed: int, *, email: int = 7) -> str:
    """Mail is for others."""
    return (
        f'alertmanager_notifications_total{{integration="email"}} {email}\n'
        f'alertmanager_notifications_total{{integration="slack"}} {sent}\n'
        f'alertmanager_notifications_failed_total{{integration="slack",reason="other"}} {failed}\n'
    )


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[StubServer]:
    monkeypatch.setattr(send_test_alert, "POLL_SECONDS", 0.01)
    with stub_server() as stub:
        stub.answers = {
            "/api/v2/alerts": [ALERT],
            "/api/v2/status": {"config": {"original": CONFIG}},
            "/metrics": notices(3, 1),
            "/api/v2/silences": {"silenceID": "an-id"},
        }
        yield stub


def run(server: StubServer, verb: str, *words: str) -> str:
    out = StringIO()
    call_command("monitoring", verb, f"--alertmanager={server.url}", *words, stdout=out)
    return out.getvalue()


def posted(server: StubServer) -> list:
    return [body for method, _, body in server.asked if method == "POST"]


def after_the_alert(server: StubServer, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """What Alertmanager counts once it has the alert."""
    send = send_test_alert.send

    def send_and_count(*args, **options) -> None:
        send(*args, **options)
        server.answers["/metrics"] = text

    monkeypatch.setattr(send_test_alert, "send", send_and_count)


# --- test-alert ---
def test_alert_that_arrives__names_receivers_and_integrations(
    server: StubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    after_the_alert(server, monkeypatch, notices(4, 1))

    said = run(server, "test-alert", "--severity=critical", "--category=payments", "--minutes=2")

    assert "TestAlert (critical) is on its way to critical" in said
    assert "Delivered: slack." in said
    ((alert,),) = posted(server)
    assert alert["labels"] == {
        "alertname": "TestAlert",
        "severity": "critical",
        "service": "monitoring",
        "category": "payments",
    }
    assert datetime.fromisoformat(alert["endsAt"]) - datetime.fromisoformat(alert["startsAt"]) == timedelta(minutes=2)


@pytest.mark.parametrize(
    ("counted", "seconds", "said"),
    [(notices(4, 2), 60, "Refused by slack"), (notices(3, 1), 0.3, "No notification went out")],
)
def test_alert_that_does_not_arrive__exit_1(
    server: StubServer, monkeypatch: pytest.MonkeyPatch, counted: str, seconds: float, said: str
) -> None:
    after_the_alert(server, monkeypatch, counted)

    with pytest.raises(CommandError, match=said) as refused:
        run(server, "test-alert", f"--wait={seconds}")

    assert refused.value.returncode == 1


def test_notification_of_another_alert__is_not_taken_for_this_one(
    server: StubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    after_the_alert(server, monkeypatch, notices(3, 1, email=8))

    with pytest.raises(CommandError, match="No notification went out by slack within"):
        run(server, "test-alert", "--wait=0.3")


def test_receiver_that_tells_nobody__exit_1(server: StubServer) -> None:
    server.answers["/api/v2/alerts"] = [{**ALERT, "receivers": [{"name": "null"}]}]

    with pytest.raises(CommandError, match="tell nobody"):
        run(server, "test-alert")


def test_alert_that_is_silenced__exit_1(server: StubServer) -> None:
    server.answers["/api/v2/alerts"] = [{**ALERT, "status": {"silencedBy": ["some-id"], "inhibitedBy": []}}]

    with pytest.raises(CommandError, match="silenced or inhibited by some-id"):
        run(server, "test-alert")


def test_alertmanager_away__exit_1_in_one_line() -> None:
    with pytest.raises(CommandError, match=r"127\.0\.0\.1:1/metrics: "):
        call_command("monitoring", "test-alert", "--alertmanager=http://127.0.0.1:1")


# --- silence ---
def test_silence__has_matchers_an_author_a_reason_and_an_end(server: StubServer) -> None:
    said = run(
        server, "silence", "HighErrorRate", "--match=service=~web|worker", "--for=30m", "--comment=move", "--by=me"
    )

    (silence,) = posted(server)
    assert silence["matchers"] == [
        {"name": "alertname", "value": "HighErrorRate", "isEqual": True, "isRegex": False},
        {"name": "service", "value": "web|worker", "isEqual": True, "isRegex": True},
    ]
    assert (silence["createdBy"], silence["comment"]) == ("me", "move")
    length = datetime.fromisoformat(silence["endsAt"]) - datetime.fromisoformat(silence["startsAt"])
    assert length == timedelta(minutes=30)
    assert said.startswith("an-id: alertname=HighErrorRate service=~web|worker until ")


@pytest.mark.parametrize(
    "words",
    [
        ["--comment=c"],
        ["--match=service=~.*", "--comment=c"],
        ["--match=service!=web", "--comment=c"],
        ["--match=service", "--comment=c"],
        ["A"],
        ["A", "--comment=c", "--for=3w"],
        ["A", "--comment=c", "--for=0m"],
        ["A", "--comment=c", "--for=8d"],
    ],
)
def test_silence_of_everything_or_without_reason_or_end__is_refused(server: StubServer, words: list[str]) -> None:
    with pytest.raises(CommandError) as refused:
        run(server, "silence", *words)

    assert refused.value.returncode == 2
    assert server.asked == []


def test_silences__are_listed_while_they_last(server: StubServer) -> None:
    matcher = {"name": "alertname", "value": "A", "isEqual": True, "isRegex": False}
    row = {"matchers": [matcher], "endsAt": "2026-11-21T14:00:00.000Z", "createdBy": "me", "comment": "move"}
    states = {"one": "active", "two": "expired"}
    server.answers["/api/v2/silences"] = [{**row, "id": name, "status": {"state": states[name]}} for name in states]

    said = run(server, "silence", "--list")

    assert said.splitlines() == ["one  active until 2026-11-21T14:00  alertname=A  me: move", "1 silences."]


def test_silence__is_ended_by_its_id(server: StubServer) -> None:
    server.answers["/api/v2/silence/an-id"] = {}

    assert "an-id is over" in run(server, "silence", "--end=an-id")
    assert [each[:2] for each in server.asked] == [("DELETE", "/api/v2/silence/an-id")]


@pytest.mark.parametrize("text", ["a=b", "a!=b", "a=~b|c", "a!~b", "a=x=y", "a="])
def test_matcher__is_written_as_it_was_read(text: str) -> None:
    assert str(Matcher.parse(text)) == text
