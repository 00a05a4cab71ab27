"""Webhooks out: endpoints, their secrets, and every delivery to them."""

from events.services.webhooks.addresses import check_url
from events.services.webhooks.deliveries import claim_deliveries, deliver, deliver_due, replay_delivery
from events.services.webhooks.endpoints import (
    change_endpoint,
    check_topics,
    create_endpoint,
    delete_endpoint,
    disable_endpoint,
    enable_endpoint,
    rotate_secret,
    send_test,
)

__all__ = [
    "change_endpoint",
    "check_topics",
    "check_url",
    "claim_deliveries",
    "create_endpoint",
    "delete_endpoint",
    "deliver",
    "deliver_due",
    "disable_endpoint",
    "enable_endpoint",
    "replay_delivery",
    "rotate_secret",
    "send_test",
]
