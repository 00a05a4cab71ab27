"""The outbox, and the webhooks that shop fronts subscribe to."""

from events.models.outbox import WAITING, EventStatus, MessageState, OutboxChannel, OutboxEvent, OutboxMessage
from events.models.webhooks import UNDELIVERED, DeliveryState, EndpointState, WebhookDelivery, WebhookEndpoint

__all__ = [
    "UNDELIVERED",
    "WAITING",
    "DeliveryState",
    "EndpointState",
    "EventStatus",
    "MessageState",
    "OutboxChannel",
    "OutboxEvent",
    "OutboxMessage",
    "WebhookDelivery",
    "WebhookEndpoint",
]
