"""Purchases that networks have reported, for operators."""

from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.viewsets import GenericViewSet

from cashback.models import Conversion
from coupon_site.api import PROBLEM_RESPONSES, PublicIdLookup
from orders.permissions import holds


class ConversionOut(serializers.ModelSerializer[Conversion]):
    id = serializers.UUIDField(source="public_id")
    network = serializers.CharField(source="network.slug")
    buyer = serializers.UUIDField(source="buyer.public_id", allow_null=True, default=None)
    cashback_event = serializers.UUIDField(source="cashback_event.public_id", allow_null=True, default=None)

    class Meta:
        model = Conversion
        fields = [
            "id", "network", "external_id", "part", "is_cancellation", "buyer", "buyer_ref", "currency", "gross_minor",
            "cancelled_minor", "lines", "occurred_at", "cashback_event", "created_at",
        ]  # fmt: skip


class ConversionFilter(filters.FilterSet):
    network = filters.CharFilter(field_name="network__slug")
    buyer = filters.UUIDFilter(field_name="buyer__public_id")
    occurred_after = filters.IsoDateTimeFilter(field_name="occurred_at", lookup_expr="gte")
    occurred_before = filters.IsoDateTimeFilter(field_name="occurred_at", lookup_expr="lt")

    class Meta:
        model = Conversion
        fields = ["external_id", "is_cancellation", "buyer_ref"]


@extend_schema(responses={200: ConversionOut, **PROBLEM_RESPONSES})
class ConversionViewSet(PublicIdLookup, ListModelMixin, RetrieveModelMixin, GenericViewSet[Conversion]):
    """What networks have reported, as far as it is known."""

    permission_classes = (holds(list="cashback.view_conversion", retrieve="cashback.view_conversion"),)
    serializer_class = ConversionOut
    filterset_class = ConversionFilter
    queryset = Conversion.objects.select_related("network", "buyer", "cashback_event")
