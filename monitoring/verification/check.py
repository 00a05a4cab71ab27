"""A question, and where to ask it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx
from websockets.exceptions import WebSocketException

from monitoring.remote import Alertmanager, Grafana, Prometheus, RemoteError
from monitoring.remote.server import Server


class Failed(Exception):
    """The answer is not what it should be; one line."""


class NotAsked(Exception):
    """The question can't be put here; one line says what it takes."""


@dataclass(frozen=True, kw_only=True)
class Stack:
    """The addresses of what runs. An empty one is not asked."""

    site: Server
    sockets: str
    public: str = ""
    processes: dict[str, str]
    metrics_token: str
    token: str = ""
    prometheus: Prometheus
    alertmanager: Alertmanager
    grafana: Grafana
    buys: bool = False
    patience: float = 10.0


@dataclass(frozen=True)
class Check:
    """`ask` answers in a few words what was seen, or raises Failed or NotAsked."""

    area: str
    name: str
    ask: Callable[[Stack], str]


@dataclass(frozen=True)
class Outcome:
    """How a check went."""

    check: Check
    state: str  # ok, FAILED, skipped
    said: str


kept: list[Check] = []


def check(area: str, name: str) -> Callable[[Callable[[Stack], str]], Callable[[Stack], str]]:
    """Put a function on the list."""

    def put(ask: Callable[[Stack], str]) -> Callable[[Stack], str]:
        kept.append(Check(area, name, ask))
        return ask

    return put


def outcomes(stack: Stack, checks: list[Check]) -> Iterator[Outcome]:
    """Ask one after another."""
    for each in checks:
        try:
            yield Outcome(each, "ok", each.ask(stack))
        except NotAsked as reason:
            yield Outcome(each, "skipped", str(reason))
        except (Failed, RemoteError) as reason:
            yield Outcome(each, "FAILED", str(reason))
        except (OSError, ValueError, KeyError, httpx.HTTPError, WebSocketException) as error:
            yield Outcome(each, "FAILED", f"{type(error).__name__} {error}".strip())
