"""What waits in the outbox, and the webhooks out of it, for operators."""

from events.api.outbox import OutboxViewSet
from events.api.webhooks import WebhookDeliveryViewSet, WebhookEndpointViewSet

__all__ = ["OutboxViewSet", "WebhookDeliveryViewSet", "WebhookEndpointViewSet"]
