"""Merchants, for operators; a merchant's own people may look."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import ValidationError
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.fields import get_error_detail
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from coupon_site.api import PROBLEM_RESPONSES, PublicIdLookup, StrictSerializer, idempotent
from orders.models import Merchant, MerchantQuerySet
from orders.permissions import holds
from orders.services import create_merchant, update_merchant


class MerchantIn(StrictSerializer):
    name = serializers.CharField(max_length=120)
    timezone = serializers.CharField(max_length=60, required=False, help_text="IANA name; UTC unless given")


class MerchantOut(serializers.ModelSerializer[Merchant]):
    id = serializers.UUIDField(source="public_id")

    class Meta:
        model = Merchant
        fields = ["id", "name", "timezone", "created_at"]


@contextmanager
def invalid_input() -> Iterator[None]:
    """What a service finds wrong with a field is a 400, as if the form had found it."""
    try:
        yield
    except ValidationError as error:
        raise serializers.ValidationError(get_error_detail(error)) from error


@extend_schema(responses={200: MerchantOut, **PROBLEM_RESPONSES})
class MerchantViewSet(PublicIdLookup, ListModelMixin, RetrieveModelMixin, GenericViewSet[Merchant]):
    """Those at whose tills vouchers are worth something."""

    permission_classes = (
        holds(
            list="orders.view_merchant",
            retrieve="orders.view_merchant",
            create="orders.add_merchant",
            partial_update="orders.change_merchant",
        ),
    )
    serializer_class = MerchantOut
    filterset_fields = ["name"]
    queryset = Merchant.objects.none()

    def get_queryset(self) -> MerchantQuerySet:
        if self.request.user.is_anonymous:  # the API's description is drawn without a user
            return Merchant.objects.none()
        return Merchant.objects.visible_to(self.request.user)

    @extend_schema(request=MerchantIn, responses={201: MerchantOut, **PROBLEM_RESPONSES}, filters=False)
    @idempotent
    def create(self, request: Request) -> Response:
        """A new merchant."""
        data = MerchantIn(data=request.data)
        data.is_valid(raise_exception=True)
        with invalid_input():
            merchant = create_merchant(**data.validated_data)
        return Response(MerchantOut(merchant).data, status=201)

    @extend_schema(request=MerchantIn, responses={200: MerchantOut, **PROBLEM_RESPONSES}, filters=False)
    def partial_update(self, request: Request, **lookup: str) -> Response:
        """Another name or zone. Vouchers that exist keep their last day."""
        data = MerchantIn(data=request.data, partial=True)
        data.is_valid(raise_exception=True)
        with invalid_input():
            merchant = update_merchant(merchant=self.get_object(), **data.validated_data)
        return Response(MerchantOut(merchant).data)
