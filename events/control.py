"""What server processes tell each other over the channel layer: rare, and re-checked anyway, so a lost one heals."""

import logging
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer

logger = logging.getLogger(__name__)

GROUP = "realtime.control"


def announce_epoch(*, channel: str, epoch: str) -> None:
    """A channel's stream has begun another life."""
    send({"type": "epoch", "channel": channel, "epoch": epoch})


def announce_revocation(*, users: Sequence[UUID]) -> None:
    """The rights of users (by public id) have changed: every process looks at once instead of within a minute."""
    send({"type": "revoke", "users": [str(user) for user in users]})


def order_drain(*, host: str) -> None:
    """The server processes of a host are about to end: their clients go elsewhere."""
    send({"type": "drain", "host": host})


def send(message: dict[str, Any]) -> None:
    try:
        layer: Any = get_channel_layer()
        async_to_sync(layer.group_send)(GROUP, message)
    except Exception as error:  # noqa: BLE001  a hint: every layer has its own errors, and hubs look for themselves
        logger.warning("control message %s was not sent: %s", message["type"], error)
