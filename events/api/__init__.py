"""What waits in the outbox, and the webhooks out of it, for operators; tickets for sockets."""

from events.api.outbox import OutboxViewSet
from events.api.tickets import TicketView
from events.api.webhooks import WebhookDeliveryViewSet, WebhookEndpointViewSet

__all__ = ["OutboxViewSet", "TicketView", "WebhookDeliveryViewSet", "WebhookEndpointViewSet"]
