"""The outbox and the webhooks out of it, for operators."""

from events.admin.outbox import OutboxChannelAdmin, OutboxEventAdmin, OutboxMessageAdmin
from events.admin.webhooks import WebhookDeliveryAdmin, WebhookEndpointAdmin

__all__ = [
    "OutboxChannelAdmin",
    "OutboxEventAdmin",
    "OutboxMessageAdmin",
    "WebhookDeliveryAdmin",
    "WebhookEndpointAdmin",
]
