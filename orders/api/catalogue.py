"""What is for sale. Anybody may look."""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from coupon_site.api import PROBLEM_RESPONSES, PublicIdLookup
from orders.models import FlashSale, FlashSaleQuerySet, Merchant, Offer, SalePhase
from orders.queries import Availability, availability_of, with_rate


class MerchantShown(serializers.ModelSerializer[Merchant]):
    """A merchant as customers see it."""

    id = serializers.UUIDField(source="public_id")

    class Meta:
        model = Merchant
        fields = ["id", "name", "timezone"]


class OfferOut(serializers.ModelSerializer[Offer]):
    id = serializers.UUIDField(source="public_id")
    merchant = MerchantShown()
    cashback_basis_points = serializers.IntegerField(
        source="rate", help_text="Cashback on a purchase now; 250 is 2.5 %"
    )

    class Meta:
        model = Offer
        fields = [
            "id", "merchant", "title", "description", "value_minor", "price_minor", "currency", "cashback_basis_points",
            "valid_from", "valid_days", "last_date", "uses_per_voucher", "gift_policy", "void_window_seconds",
        ]  # fmt: skip


class SaleOut(serializers.ModelSerializer[FlashSale]):
    id = serializers.UUIDField(source="public_id")
    offer = serializers.UUIDField(source="offer.public_id")
    merchant = MerchantShown(source="offer.merchant")
    value_minor = serializers.IntegerField(source="offer.value_minor")
    currency = serializers.CharField(source="offer.currency")
    phase = serializers.SerializerMethodField()

    class Meta:
        model = FlashSale
        fields = [
            "id", "offer", "merchant", "title", "phase", "starts_at", "ends_at", "price_minor", "value_minor",
            "currency", "per_buyer_limit",
        ]  # fmt: skip

    def get_phase(self, sale: FlashSale) -> SalePhase:
        return sale.phase(timezone.now())


class AvailabilityOut(serializers.Serializer[Availability]):
    """Units of a sale, a moment ago."""

    sale = serializers.UUIDField(source="sale.public_id")
    phase = serializers.ChoiceField(SalePhase.choices)
    available = serializers.IntegerField(help_text="0 unless the sale is live")
    total = serializers.IntegerField()
    per_buyer_limit = serializers.IntegerField(source="sale.per_buyer_limit")


class OfferFilter(filters.FilterSet):
    merchant = filters.UUIDFilter(field_name="merchant__public_id")

    class Meta:
        model = Offer
        fields = ["currency", "gift_policy"]


class SaleFilter(filters.FilterSet):
    offer = filters.UUIDFilter(field_name="offer__public_id")
    merchant = filters.UUIDFilter(field_name="offer__merchant__public_id")
    phase = filters.ChoiceFilter(choices=SalePhase.choices, method="in_phase", help_text="Without: live and upcoming")

    def in_phase(self, queryset: FlashSaleQuerySet, name: str, value: str) -> FlashSaleQuerySet:
        return queryset.in_phase(SalePhase(value), at=timezone.now())


@extend_schema(auth=[], responses={200: OfferOut, **PROBLEM_RESPONSES})
class OfferViewSet(PublicIdLookup, ListModelMixin, RetrieveModelMixin, GenericViewSet[Offer]):
    """What vouchers are good for."""

    permission_classes = (AllowAny,)
    serializer_class = OfferOut
    filterset_class = OfferFilter
    queryset = Offer.objects.none()

    def get_queryset(self) -> QuerySet[Offer]:
        return with_rate(Offer.objects.published().select_related("merchant"), at=timezone.now())


@extend_schema(auth=[], responses={200: SaleOut, **PROBLEM_RESPONSES})
class SaleViewSet(PublicIdLookup, ListModelMixin, RetrieveModelMixin, GenericViewSet[FlashSale]):
    """Where offers are sold: flash sales, and the open-ended sale of each offer."""

    permission_classes = (AllowAny,)
    serializer_class = SaleOut
    filterset_class = SaleFilter
    queryset = FlashSale.objects.none()

    def get_queryset(self) -> FlashSaleQuerySet:
        sales = FlashSale.objects.published().select_related("offer__merchant")
        if self.action == "list" and "phase" not in self.request.query_params:
            return sales.not_over(timezone.now())
        return sales

    @extend_schema(responses={200: AvailabilityOut, **PROBLEM_RESPONSES}, filters=False)
    @action(detail=True, filterset_class=None)
    def availability(self, request: Request, **lookup: Any) -> Response:
        """How many units can be bought now."""
        return Response(AvailabilityOut(availability_of(self.get_object(), at=timezone.now())).data)
