"""`/api/v1/outbox/`, `/api/v1/webhook-endpoints/` and `/api/v1/webhook-deliveries/`."""

from rest_framework.routers import SimpleRouter

from events.api import OutboxViewSet, WebhookDeliveryViewSet, WebhookEndpointViewSet

router = SimpleRouter()
router.register("outbox", OutboxViewSet, basename="outbox")
router.register("webhook-endpoints", WebhookEndpointViewSet, basename="webhook-endpoint")
router.register("webhook-deliveries", WebhookDeliveryViewSet, basename="webhook-delivery")

urlpatterns = router.urls
