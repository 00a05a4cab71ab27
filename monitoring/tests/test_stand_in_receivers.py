"""The stand-ins of Slack, Discord and mail servers take what the real ones take, and refuse what those refuse."""

import json
import smtplib
from collections.abc import Iterator
from email.message import EmailMessage
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from monitoring.receivers import Receivers, running

post = partial(httpx.post, timeout=60)


@pytest.fixture
def receivers() -> Iterator[Receivers]:
    with running() as receivers:
        yield receivers


def alertmanagers(**fields: Any) -> dict[str, Any]:
    alert = {"status": "firing", "labels": {"alertname": "RedisDown"}, "annotations": {"summary": "Redis is away"}}
    group = {"version": "4", "status": "firing", "receiver": "site", "groupLabels": {"alertname": "RedisDown"}}
    return {**group, "alerts": [alert], **fields}


def test_message_to_slack__is_kept_as_its_reader_sees_it(receivers: Receivers) -> None:
    attachment = {
        "title": "RedisDown",
        "text": "Redis is away",
        "color": "danger",
        "fields": [{"title": "Service", "value": "redis"}],
        "actions": [{"type": "button", "text": "Runbook", "url": "https://docs.example/RedisDown"}],
    }

    answer = post(receivers.slack_url, json={"channel": "#alerts-critical", "attachments": [attachment]})

    [notice] = receivers.of("slack")
    assert (answer.status_code, answer.text) == (200, "ok")
    assert (notice.channel, notice.title) == ("#alerts-critical", "RedisDown")
    assert notice.text == "RedisDown\nRedis is away\nService: redis\nRunbook https://docs.example/RedisDown"
    assert notice.names("RedisDown")
    assert not notice.names("ServiceDown")


def test_message_to_discord__is_kept_as_its_reader_sees_it(receivers: Receivers) -> None:
    embeds = [{"title": "RedisDown", "description": "Redis is away", "color": 0x8F0000}]

    answer = post(receivers.discord_url, json={"content": "", "embeds": embeds})

    assert answer.status_code == 204
    assert [notice.text for notice in receivers.of("discord")] == ["RedisDown\nRedis is away"]


def test_mail__is_kept_with_all_its_parts(receivers: Receivers) -> None:
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = "RedisDown", "alerts@shop.example", "oncall@shop.example"
    mail.set_content("Redis is away")
    mail.add_alternative("<p>Redis is away</p>", subtype="html")

    with smtplib.SMTP(*receivers.smtp_address.split(":")) as server:  # type: ignore[arg-type]
        server.send_message(mail)

    [notice] = receivers.of("email")
    assert (notice.channel, notice.title) == ("oncall@shop.example", "RedisDown")
    assert "Redis is away\n" in notice.text
    assert "<p>Redis is away</p>" in notice.text


def test_mail_without_the_login__is_refused() -> None:
    with running(login=("alerts", "secret")) as receivers:
        host, port = receivers.smtp_address.split(":")
        with smtplib.SMTP(host, int(port)) as server:
            with pytest.raises(smtplib.SMTPSenderRefused, match="Authentication required"):
                server.sendmail("a@shop.example", ["b@shop.example"], "Subject: none\n\n")
            with pytest.raises(smtplib.SMTPAuthenticationError):
                server.login("alerts", "wrong")
            server.login("alerts", "secret")
            server.sendmail("a@shop.example", ["b@shop.example"], "Subject: signed in\n\n")

        assert [notice.title for notice in receivers.of("email")] == ["signed in"]


def test_alertmanagers_own_document__is_kept_by_the_name_of_its_address(receivers: Receivers) -> None:
    for address in (receivers.webhook_url, f"{receivers.webhook_url}/second", receivers.heartbeat_url):
        assert post(address, json=alertmanagers()).status_code == 200

    assert [(notice.kind, notice.channel) for notice in receivers.notices.all] == [
        ("webhook", "site"),
        ("webhook", "second"),
        ("heartbeat", "site"),
    ]
    assert receivers.notices.all[0].title == "[FIRING] RedisDown"
    assert "Redis is away" in receivers.notices.all[0].text


@pytest.mark.parametrize(
    ("kind", "document", "status", "words"),
    [
        ("slack", {"attachments": [{"title": "no text"}]}, 400, "no_text"),
        ("slack", {"text": "x", "attachments": [{}] * 101}, 400, "too_many_attachments"),
        ("discord", {"content": ""}, 400, "Cannot send an empty message"),
        ("discord", {"embeds": [{"title": "x" * 257}]}, 400, "Invalid Form Body"),
        ("slack", {"attachments": [{"text": "x", "actions": [{"url": "no text"}]}]}, 400, "invalid_payload"),
        ("webhook", alertmanagers(version="3"), 400, "version 4"),
        ("webhook", alertmanagers(alerts=["x"]), 400, "invalid_payload"),
    ],
)
def test_document_that_the_service_refuses__is_refused_and_not_kept(
    receivers: Receivers, kind: str, document: dict[str, Any], status: int, words: str
) -> None:
    answer = post(getattr(receivers, f"{kind}_url"), json=document)

    assert answer.status_code == status
    assert words in answer.text
    assert not receivers.notices.all


@pytest.mark.parametrize("content", [b"{", b"[]", b'"text"'])
def test_body_that_is_no_document__is_refused(receivers: Receivers, content: bytes) -> None:
    answer = post(receivers.slack_url, content=content, headers={"Content-Type": "application/json"})

    assert (answer.status_code, answer.text) == (400, "invalid_payload")


def test_address_that_slack_does_not_know__is_refused(receivers: Receivers) -> None:
    assert post(f"{receivers.slack_url}/more", json={"text": "x"}).text == "no_service"


def test_service_that_is_told_to_fail__fails_until_it_is_told_otherwise(receivers: Receivers) -> None:
    receivers.failing["slack"] = 503
    assert post(receivers.slack_url, json={"text": "lost"}).status_code == 503

    receivers.failing.clear()
    post(receivers.slack_url, json={"text": "kept"})

    assert [notice.title for notice in receivers.of("slack")] == ["kept"]


def test_waiting_for_what_does_not_come__says_what_came(receivers: Receivers) -> None:
    post(receivers.slack_url, json={"text": "something else"})

    assert receivers.wait_for(lambda notice: notice.kind == "slack").title == "something else"
    with pytest.raises(TimeoutError, match="something else"):
        receivers.wait_for(lambda notice: notice.names("RedisDown"), seconds=0.1)


def test_log__has_a_line_for_each_notice(tmp_path: Path) -> None:
    with running(log=tmp_path / "notices.jsonl") as receivers:
        post(receivers.slack_url, json={"text": "one"})
        post(receivers.slack_url, json={"text": "two"})

    lines = [json.loads(line) for line in (tmp_path / "notices.jsonl").read_text().splitlines()]
    assert [line["title"] for line in lines] == ["one", "two"]
