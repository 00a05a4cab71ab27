"""Streams of figures and reports on the sockets: apps above register theirs, so that this app knows none."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from accounts.models import User

Permission = Callable[[User], bool]
Sample = Callable[[], Awaitable[Mapping[str, Any]]]


def is_staff(user: User) -> bool:
    """The usual permission of figures."""
    return user.is_staff


@dataclass(frozen=True, kw_only=True)
class FigureStream:
    """`subscribe-<name>` and `unsubscribe-<name>`; frames `{"channel": <name>, "event": <event>, "data": …}`."""

    name: str
    event: str
    permission: Permission
    sample: Sample


@dataclass(frozen=True, kw_only=True)
class Report:
    """`get-<name>`, answered by `{"channel": <channel>, "data": …}`."""

    name: str
    channel: str
    permission: Permission
    answer: Sample


figure_streams: dict[str, FigureStream] = {}
reports: dict[str, Report] = {}


def register(*, name: str, sample: Sample, permission: Permission = is_staff, event: str = "") -> None:
    """Offer a stream. `sample` runs in one task per process, only while somebody listens, however many they are."""
    figure_streams[name] = FigureStream(
        name=name, event=event or f"{name}-update", permission=permission, sample=sample
    )


def register_report(*, name: str, channel: str, answer: Sample, permission: Permission = is_staff) -> None:
    """Offer a report that a client asks for."""
    reports[name] = Report(name=name, channel=channel, permission=permission, answer=answer)
