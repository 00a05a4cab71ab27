"""The outbox and the webhooks out of it, for operators."""

from events.admin.outbox import OutboxChannelAdmin, OutboxEventAdmin, OutboxMessageAdmin
from events.admin.webhook_deliveries import WebhookDeliveryAdmin
from events.admin.webhook_endpoints import WebhookEndpointAdmin

__all__ = [
    "OutboxChannelAdmin",
    "OutboxEventAdmin",
    "OutboxMessageAdmin",
    "WebhookDeliveryAdmin",
    "WebhookEndpointAdmin",
]
