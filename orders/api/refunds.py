"""Refunds, for operators."""

from typing import cast

from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import get_object_or_404
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts.models import User
from coupon_site.api import PROBLEM_RESPONSES, ProblemOut, PublicIdLookup, StrictSerializer, idempotent
from coupon_site.api.idempotency import key_of, principal_of
from orders.models import Order
from orders.permissions import holds
from orders.services import refund_order
from payments.models import Refund, RefundState

REFUSED = {("409", "application/problem+json"): ProblemOut}
MAX_MINOR = 10**16


class RefundIn(StrictSerializer):
    order = serializers.UUIDField()
    amount_minor = serializers.IntegerField(
        min_value=1, max_value=MAX_MINOR, required=False, help_text="Without: all that is left, and the order is undone"
    )
    reason = serializers.CharField(max_length=200)


class RefundOut(serializers.ModelSerializer[Refund]):
    id = serializers.UUIDField(source="public_id")
    order = serializers.UUIDField(source="payment.reference")
    payment = serializers.UUIDField(source="payment.public_id")
    currency = serializers.CharField(source="payment.currency")

    class Meta:
        model = Refund
        fields = [
            "id", "order", "payment", "amount_minor", "currency", "state", "reason", "failure_code", "created_at",
            "done_at",
        ]  # fmt: skip


class RefundFilter(filters.FilterSet):
    order = filters.UUIDFilter(field_name="payment__reference")
    state = filters.MultipleChoiceFilter(choices=RefundState.choices)

    class Meta:
        model = Refund
        fields: list[str] = []


@extend_schema(responses={200: RefundOut, **PROBLEM_RESPONSES})
class RefundViewSet(PublicIdLookup, ListModelMixin, RetrieveModelMixin, GenericViewSet[Refund]):
    """Money that goes back."""

    permission_classes = (
        holds(list="payments.view_refund", retrieve="payments.view_refund", create="payments.add_refund"),
    )
    serializer_class = RefundOut
    filterset_class = RefundFilter
    queryset = Refund.objects.select_related("payment")

    @extend_schema(request=RefundIn, responses={201: RefundOut, **PROBLEM_RESPONSES, **REFUSED}, filters=False)
    @idempotent
    def create(self, request: Request) -> Response:
        """Give money of an order back, in part or whole; the last part undoes the order."""
        data = RefundIn(data=request.data)
        data.is_valid(raise_exception=True)
        refund = refund_order(
            order=get_object_or_404(Order, public_id=data.validated_data["order"]),
            amount_minor=data.validated_data.get("amount_minor"),
            reason=data.validated_data["reason"],
            key=f"{principal_of(request)}:{key_of(request)}",
            actor=cast(User, request.user),
        )
        return Response(RefundOut(refund).data, status=201)
