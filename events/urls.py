"""`/api/v1/outbox/`."""

from rest_framework.routers import SimpleRouter

from events.api import OutboxViewSet

router = SimpleRouter()
router.register("outbox", OutboxViewSet, basename="outbox")

urlpatterns = router.urls
