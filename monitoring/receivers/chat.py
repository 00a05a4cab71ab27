"""The HTTP side: webhooks of Slack and Discord, and Alertmanager's own, each as strict as the real one."""

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from monitoring.receivers.notices import Notice, Notices

SLACK = re.compile(r"/services/(T\w+/B\w+/\w+)")
DISCORD = re.compile(r"/api/webhooks/(\d+/[\w-]+)")
WEBHOOK, HEARTBEAT = (re.compile(rf"/{kind}(?:/([\w-]+))?") for kind in ("webhook", "heartbeat"))
DISCORD_TITLE, DISCORD_DESCRIPTION, DISCORD_EMBEDS = 256, 4096, 10
SLACK_ATTACHMENTS = 100

Reader = Callable[[str, str | None, dict[str, Any]], Notice]


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int
    body: str = ""
    content_type: str = "text/plain"


class Refused(Exception):
    """What came is not what the service takes."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(body)
        self.answer = Answer(status=status, body=body)


class ChatServer(ThreadingHTTPServer):
    """`failing` maps a kind to the status that it answers instead of taking anything."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, notices: Notices, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Door)
        self.notices = notices
        self.failing: dict[str, int] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Door(BaseHTTPRequestHandler):
    server: ChatServer

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            answer = self.take(raw)
        except Refused as refusal:
            answer = refusal.answer
        body = answer.body.encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def take(self, raw: bytes) -> Answer:
        """Keep what came, under the rules of the service whose path it is."""
        for kind, path, read, answer in KINDS:
            if place := path.fullmatch(self.path):
                if kind in self.server.failing:
                    raise Refused(self.server.failing[kind], "told to fail")
                self.server.notices.add(self.read_by(read, kind, place[1], raw))
                return answer
        raise Refused(404, "no_service")

    def read_by(self, read: Reader, kind: str, place: str | None, raw: bytes) -> Notice:
        try:
            return read(kind, place, self.document(raw))
        except (AttributeError, KeyError, TypeError):  # some part is not of its type, or is missing
            raise Refused(400, "invalid_payload") from None

    def document(self, raw: bytes) -> dict[str, Any]:
        try:
            document = json.loads(raw)
        except ValueError:
            raise Refused(400, "invalid_payload") from None
        if not isinstance(document, dict) or not self.headers.get("Content-Type", "").startswith("application/json"):
            raise Refused(400, "invalid_payload")
        return document

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""


def of_slack(kind: str, place: str | None, body: dict[str, Any]) -> Notice:
    """A message with text or attachments. Old webhooks let the sender name the channel."""
    attachments = body.get("attachments") or []
    if not body.get("text") and not any(each.get("text") or each.get("fallback") for each in attachments):
        raise Refused(400, "no_text")
    if len(attachments) > SLACK_ATTACHMENTS:
        raise Refused(400, "too_many_attachments")
    first = attachments[0] if attachments else {}
    texts = [body.get("text"), *(each.get(part) for each in attachments for part in ("pretext", "title", "text"))]
    fields = [f"{field['title']}: {field['value']}" for each in attachments for field in each.get("fields") or []]
    buttons = [f"{link['text']} {link.get('url', '')}" for each in attachments for link in each.get("actions") or []]
    return Notice(
        kind=kind,
        channel=body.get("channel", ""),
        title=first.get("title") or body.get("text", ""),
        text="\n".join(filter(None, [*texts, *fields, *buttons])),
        body=body,
        at=time.time(),
    )


def of_discord(kind: str, place: str | None, body: dict[str, Any]) -> Notice:
    """A message with content or embeds, within Discord's lengths."""
    embeds = body.get("embeds") or []
    if not body.get("content") and not embeds:
        raise Refused(400, '{"message": "Cannot send an empty message", "code": 50006}')
    too_long = any(
        len(each.get("title", "")) > DISCORD_TITLE or len(each.get("description", "")) > DISCORD_DESCRIPTION
        for each in embeds
    )
    if too_long or len(embeds) > DISCORD_EMBEDS:
        raise Refused(400, '{"message": "Invalid Form Body", "code": 50035}')
    texts = [body.get("content"), *(each.get(part) for each in embeds for part in ("title", "description"))]
    return Notice(
        kind=kind,
        channel=(place or "").partition("/")[0],
        title=embeds[0].get("title", "") if embeds else body["content"],
        text="\n".join(filter(None, texts)),
        body=body,
        at=time.time(),
    )


def of_webhook(kind: str, place: str | None, body: dict[str, Any]) -> Notice:
    """Alertmanager's own document, version 4."""
    if body.get("version") != "4" or not isinstance(body.get("alerts"), list):
        raise Refused(400, "not Alertmanager's version 4")
    alerts = [
        " ".join([alert["status"], *alert["labels"].values(), *alert["annotations"].values()])
        for alert in body["alerts"]
    ]
    title = f"[{body['status'].upper()}] {body['groupLabels'].get('alertname', '')}"
    return Notice(
        kind=kind, channel=place or body["receiver"], title=title, text="\n".join(alerts), body=body, at=time.time()
    )


KINDS = (
    ("slack", SLACK, of_slack, Answer(status=200, body="ok")),
    ("discord", DISCORD, of_discord, Answer(status=204)),
    ("webhook", WEBHOOK, of_webhook, Answer(status=200)),
    ("heartbeat", HEARTBEAT, of_webhook, Answer(status=200)),
)
