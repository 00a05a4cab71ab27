"""An order as the tutorial of DRF shows it: a viewset over a serializer of the model; same rows and rights.

WSGI, with `benchmarks.plain_settings`.
"""

from typing import Any, cast

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()

from django.db.models import QuerySet  # noqa: E402  models exist only after the line above
from django.http import HttpResponse  # noqa: E402
from django.urls import path  # noqa: E402
from rest_framework import serializers, viewsets  # noqa: E402
from rest_framework.permissions import IsAuthenticated  # noqa: E402
from rest_framework.routers import DefaultRouter  # noqa: E402

from accounts.models import User  # noqa: E402
from orders.models import Order, OrderLine  # noqa: E402

__all__ = ["application", "urlpatterns"]


class LineOut(serializers.ModelSerializer[OrderLine]):
    class Meta:
        model = OrderLine
        fields = "__all__"


class OrderOut(serializers.ModelSerializer[Order]):
    lines = LineOut(many=True)

    class Meta:
        model = Order
        fields = "__all__"


class OrderViewSet(viewsets.ReadOnlyModelViewSet[Order]):
    serializer_class = OrderOut
    permission_classes = (IsAuthenticated,)
    lookup_field = "public_id"

    def get_queryset(self) -> QuerySet[Order]:
        return Order.objects.filter(buyer=cast(User, self.request.user)).prefetch_related("lines")


router = DefaultRouter()
router.register("orders", OrderViewSet, basename="order")
urlpatterns: list[Any] = [*router.urls, path("readyz", lambda request: HttpResponse("ready"))]
