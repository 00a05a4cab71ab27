"""Cashback events: a customer's own, all for those who look after them."""

from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.viewsets import GenericViewSet

from cashback.models import CashbackEvent, CashbackEventQuerySet, CashbackState
from coupon_site.api import PROBLEM_RESPONSES, PublicIdLookup


class CashbackEventOut(serializers.ModelSerializer[CashbackEvent]):
    id = serializers.UUIDField(source="public_id")
    buyer = serializers.UUIDField(source="buyer.public_id")
    order = serializers.UUIDField(source="order_line.order.public_id", allow_null=True, default=None)
    order_line = serializers.UUIDField(source="order_line.public_id", allow_null=True, default=None)
    conversion = serializers.UUIDField(source="conversion.public_id", allow_null=True, default=None)
    amount_minor = serializers.IntegerField(help_text="What it is worth now")

    class Meta:
        model = CashbackEvent
        fields = [
            "id", "buyer", "network", "order", "order_line", "conversion", "state", "amount_minor", "original_minor",
            "clawed_back_minor", "written_off_minor", "currency", "basis_points", "hold_until", "created_at",
            "confirmed_at", "paid_at",
        ]  # fmt: skip


class CashbackEventFilter(filters.FilterSet):
    state = filters.ChoiceFilter(choices=CashbackState.choices)
    buyer = filters.UUIDFilter(field_name="buyer__public_id")
    order = filters.UUIDFilter(field_name="order_line__order__public_id")

    class Meta:
        model = CashbackEvent
        fields = ["network", "currency"]


@extend_schema(responses={200: CashbackEventOut, **PROBLEM_RESPONSES})
class CashbackEventViewSet(PublicIdLookup, ListModelMixin, RetrieveModelMixin, GenericViewSet[CashbackEvent]):
    """What purchases give back."""

    serializer_class = CashbackEventOut
    filterset_class = CashbackEventFilter
    queryset = CashbackEvent.objects.none()

    def get_queryset(self) -> CashbackEventQuerySet:
        if self.request.user.is_anonymous:  # the API's description is drawn without a user
            return CashbackEvent.objects.none()
        rows = CashbackEvent.objects.visible_to(self.request.user)
        return rows.select_related("buyer", "order_line__order", "conversion")
