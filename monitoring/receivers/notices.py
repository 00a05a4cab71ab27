"""Notifications as they came, and waiting for one."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Notice:
    """A notification. `text` is all that a reader sees of it, `body` the document or the mail as it came."""

    kind: str  # "slack", "discord", "email", "webhook", "heartbeat"
    channel: str  # Slack's channel, the mail's receivers, the last part of a webhook's path
    title: str
    text: str
    body: Any
    at: float  # seconds since 1970

    def names(self, alert: str) -> bool:
        """Whether a reader sees the name of this alert."""
        return alert in self.title or alert in self.text


class Notices:
    """What came so far, in the order of coming; filled by the servers' threads."""

    def __init__(self, log: Path | None = None) -> None:
        self.log = log
        self.all: list[Notice] = []
        self.came = threading.Condition()

    def add(self, notice: Notice) -> None:
        with self.came:
            self.all.append(notice)
            if self.log:
                with self.log.open("a") as file:
                    file.write(json.dumps(asdict(notice)) + "\n")
            self.came.notify_all()

    def matching(self, condition: Callable[[Notice], bool]) -> list[Notice]:
        """Those that came and fulfil the condition."""
        with self.came:
            return [notice for notice in self.all if condition(notice)]

    def wait_for(self, condition: Callable[[Notice], bool], *, seconds: float) -> Notice:
        """The first that fulfils the condition, now or later. Raises TimeoutError, with what came instead."""
        deadline = time.monotonic() + seconds
        with self.came:
            while not (found := [notice for notice in self.all if condition(notice)]):
                if not self.came.wait(max(0.0, deadline - time.monotonic())) and time.monotonic() >= deadline:
                    came = [f"{notice.kind} {notice.channel} {notice.title!r}" for notice in self.all]
                    raise TimeoutError(f"waited {seconds:.0f} s; came: {came}")
            return found[0]
