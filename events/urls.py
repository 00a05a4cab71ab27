"""`/api/v1/outbox/`, `/api/v1/webhook-endpoints/`, `/api/v1/webhook-deliveries/` and `/api/v1/realtime/ticket`."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from events.api import OutboxViewSet, TicketView, WebhookDeliveryViewSet, WebhookEndpointViewSet

router = SimpleRouter()
router.register("outbox", OutboxViewSet, basename="outbox")
router.register("webhook-endpoints", WebhookEndpointViewSet, basename="webhook-endpoint")
router.register("webhook-deliveries", WebhookDeliveryViewSet, basename="webhook-delivery")

urlpatterns = [path("realtime/ticket", TicketView.as_view(), name="realtime-ticket"), *router.urls]
