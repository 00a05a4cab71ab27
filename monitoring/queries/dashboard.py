"""What the dashboard shows before anything has moved; each part only for those who may see it."""

from datetime import datetime
from typing import Any, TypedDict

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from redis.exceptions import RedisError

from accounts.models import User
from events import queries as published
from flags.models import Flag
from monitoring import window
from monitoring.queries import alerts, feed, figures

CHART_SECONDS = 900


class FlagRow(TypedDict):
    """A switch."""

    key: str
    enabled: bool
    protected: bool
    description: str


def state(user: User | AnonymousUser, at: datetime) -> dict[str, Any]:
    """Figures, the lines of the charts, the newest orders and cashback, the flags, and the alerts that fire.

    `positions` are read before the rest: who follows the channels from there on misses nothing of what comes later.
    """
    return {
        "positions": positions(user),
        "figures": figures.sample(at),
        "history": history(),
        "feed": feed.newest(
            orders=user.has_perm("orders.view_order"), cashback=user.has_perm("cashback.view_cashbackevent")
        ),
        "flags": flags() if user.has_perm("flags.view_flag") else [],
        "alerts": alerts.firing() if user.has_perm("monitoring.view_alert") else [],
    }


def positions(user: User | AnonymousUser) -> dict[str, dict[str, str | int]]:
    """Where each channel stands that the user may see all of; nothing has happened yet on one that nobody knows."""
    known, nothing = published.positions(), published.Position(epoch="", seq=0)
    seen = [channel for channel, permission in settings.REALTIME_CHANNELS.items() if user.has_perm(permission)]
    return {name: {"epoch": at.epoch, "id": at.seq} for name in seen for at in [known.get(name, nothing)]}


def history() -> list[dict[str, Any]]:
    """The last quarter of an hour; without Redis the charts begin empty."""
    try:
        return window.history(seconds=CHART_SECONDS)
    except RedisError:
        return []


def flags() -> list[FlagRow]:
    """Every flag that is not archived, by name."""
    rows = Flag.objects.living().order_by("key").values("key", "enabled", "protected", "description")
    return [FlagRow(**row) for row in rows]
