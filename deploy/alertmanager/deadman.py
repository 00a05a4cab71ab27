#!/usr/bin/env python3
"""Says so when Alertmanager's heartbeat stays away. Runs on another machine than the monitoring; needs Python alone.

Settings, each as NAME or, in a file, as NAME_FILE: DEADMAN_TOKEN (which Alertmanager sends as HEARTBEAT_TOKEN),
DEADMAN_ADDRESS, DEADMAN_SILENCE_SECONDS, DEADMAN_REMINDER_SECONDS, and where to say it: SLACK_WEBHOOK_URL, and/or
ALERT_EMAIL_TO with SMTP_SMARTHOST, SMTP_FROM, SMTP_USERNAME, SMTP_PASSWORD, SMTP_REQUIRE_TLS.
"""

import hmac
import json
import os
import smtplib
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

# Three times the longest way between two heartbeats, and some: a cluster that starts again takes a minute.
SILENCE_SECONDS = 1200.0
REMINDER_SECONDS = 4 * 3600.0
LARGEST_BODY = 1 << 20
TIMEOUT_SECONDS = 10

Settings = Mapping[str, str]


class Deadman:
    """Knows when the heart last beat, and whom to tell. The clock starts with the process."""

    def __init__(self, *, tell: Callable[[str], None], silence: float, reminder: float) -> None:
        self.tell = tell
        self.silence = silence
        self.reminder = reminder
        self.last_beat = time.monotonic()
        self.told_at: float | None = None

    @property
    def age(self) -> float:
        return time.monotonic() - self.last_beat

    @property
    def alive(self) -> bool:
        return self.age <= self.silence

    def beat(self) -> None:
        self.last_beat = time.monotonic()

    def check(self) -> None:
        """Tell of a silence when it begins, now and then while it lasts, and when it is over."""
        now = time.monotonic()
        if self.alive:
            if self.told_at is not None:
                self.told_at = None
                self.tell("✅ The monitoring's heartbeat is back.")
        elif self.told_at is None or now - self.told_at >= self.reminder:
            self.told_at = now
            self.tell(
                f"🚨 No heartbeat of the monitoring for {self.age / 60:.0f} min: Prometheus, Alertmanager or the way "
                "from them is broken, and no other alert may arrive."
            )

    def watch(self, *, every: float) -> None:
        """Check for ever; who can't be told now is told at the next check."""
        while True:
            told_at = self.told_at
            try:
                self.check()
            except OSError as error:  # also what urllib and smtplib raise
                self.told_at = told_at
                print(f"deadman: not told: {error}", file=sys.stderr, flush=True)  # noqa: T201  this is its log
            time.sleep(every)


class Door(BaseHTTPRequestHandler):
    """POST /heartbeat with the token; GET /health for whoever watches the watcher."""

    deadman: Deadman
    token: str

    def do_POST(self) -> None:
        given = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), self.token.encode()):
            self.answer(401, "not authenticated")
        elif self.path != "/heartbeat" or not self.is_watchdog():
            self.answer(400, "not a firing Watchdog")
        else:
            self.deadman.beat()
            self.answer(200, "ok")

    def is_watchdog(self) -> bool:
        try:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(min(length, LARGEST_BODY)))
            return any(
                alert["status"] == "firing" and alert["labels"]["alertname"] == "Watchdog" for alert in body["alerts"]
            )
        except (ValueError, KeyError, TypeError):
            return False

    def do_GET(self) -> None:
        if self.path != "/health":
            self.answer(404, "not found")
        else:
            self.answer(200 if self.deadman.alive else 503, f"last heartbeat {self.deadman.age:.0f} s ago")

    def answer(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


def speaker(settings: Settings) -> Callable[[str], None]:
    """Whom to tell; all of them, even when one can't be reached."""
    ways: list[Callable[[str], None]] = []
    if url := settings.get("SLACK_WEBHOOK_URL"):
        ways.append(lambda text: say_to_slack(url, text))
    if settings.get("ALERT_EMAIL_TO"):
        ways.append(lambda text: send_mail(settings, text))
    if not ways:
        sys.exit("deadman: set SLACK_WEBHOOK_URL or ALERT_EMAIL_TO")

    def tell(text: str) -> None:
        failures = []
        for way in ways:
            try:
                way(text)
            except OSError as error:
                failures.append(str(error))
        if len(failures) == len(ways):
            raise OSError("; ".join(failures))

    return tell


def say_to_slack(url: str, text: str) -> None:
    body = json.dumps({"text": text}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310  the operator's own
    urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS).close()  # noqa: S310


def send_mail(settings: Settings, text: str) -> None:
    host, _, port = settings["SMTP_SMARTHOST"].partition(":")
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = text[:60], settings["SMTP_FROM"], settings["ALERT_EMAIL_TO"]
    mail.set_content(text)
    with smtplib.SMTP(host, int(port or 25), timeout=TIMEOUT_SECONDS) as server:
        if settings.get("SMTP_REQUIRE_TLS", "true") == "true":
            server.starttls()
        if settings.get("SMTP_USERNAME"):
            server.login(settings["SMTP_USERNAME"], settings["SMTP_PASSWORD"])
        server.send_message(mail)


def read_settings(environment: Settings) -> dict[str, str]:
    """The environment, with what NAME_FILE names read as NAME."""
    named = {name: path for name, path in environment.items() if name.endswith("_FILE") and path}
    files = {name.removesuffix("_FILE"): Path(path) for name, path in named.items()}
    read = {name: path.read_text().strip() for name, path in files.items() if path.is_file()}
    return read | {name: value for name, value in environment.items() if value}


def main() -> None:
    settings = read_settings(os.environ)
    if not settings.get("DEADMAN_TOKEN"):
        sys.exit("deadman: set DEADMAN_TOKEN")
    Door.token = settings["DEADMAN_TOKEN"]
    silence = float(settings.get("DEADMAN_SILENCE_SECONDS") or SILENCE_SECONDS)
    reminder = float(settings.get("DEADMAN_REMINDER_SECONDS") or REMINDER_SECONDS)
    Door.deadman = Deadman(tell=speaker(settings), silence=silence, reminder=reminder)
    host, _, port = (settings.get("DEADMAN_ADDRESS") or "127.0.0.1:9095").rpartition(":")
    watching = threading.Thread(target=Door.deadman.watch, kwargs={"every": min(10.0, silence / 10)}, daemon=True)
    watching.start()
    ThreadingHTTPServer((host, int(port)), Door).serve_forever()


if __name__ == "__main__":
    main()
