"""A customer's orders; operators see everybody's."""

from collections.abc import Iterable
from typing import Any, cast

from django.http import Http404
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts.models import User
from coupon_site.api import PROBLEM_RESPONSES, ProblemOut, PublicIdLookup, StrictSerializer, idempotent
from events.api.following import FollowedList
from orders.api.gifts import GiftIn
from orders.api.payments import OrderPaymentOut, PaymentIn, check_method
from orders.models import Order, OrderLine, OrderQuerySet, OrderState
from orders.queries import order_and_lines
from orders.services import LineRequest, NewLine, NewOrder, ReserveRequest, cancel_order, place_order, retry_payment
from payments.queries import payments_of

MAX_LINES = 10
MAX_QUANTITY = 1000
MAX_GIFTS = 50
REFUSED = {("409", "application/problem+json"): ProblemOut}


class LineIn(StrictSerializer):
    sale = serializers.UUIDField()
    quantity = serializers.IntegerField(min_value=1, max_value=MAX_QUANTITY, default=1)
    gift = GiftIn(required=False, allow_null=True, default=None, help_text="Give each unit away once it is paid")

    def validate(self, line: dict[str, Any]) -> dict[str, Any]:
        if line["gift"] and line["quantity"] > MAX_GIFTS:
            raise serializers.ValidationError({"quantity": [f"At most {MAX_GIFTS} units of a line can be gifts."]})
        return line


class OrderIn(StrictSerializer):
    lines: serializers.BaseSerializer[Any] = serializers.ListSerializer(
        child=LineIn(), min_length=1, max_length=MAX_LINES
    )
    payment_method = serializers.CharField(max_length=30, default="card", validators=[check_method])

    def validate_lines(self, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
        own = [line["sale"] for line in lines if not line["gift"]]
        if len(set(own)) < len(own):
            raise serializers.ValidationError("Each sale may be named once beside gifts; its quantity says how many.")
        return lines


class CancelIn(StrictSerializer):
    reason = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")


class LineOut(serializers.ModelSerializer[OrderLine]):
    id = serializers.UUIDField(source="public_id")
    sale = serializers.UUIDField(source="sale.public_id")
    offer = serializers.UUIDField(source="sale.offer.public_id")
    merchant = serializers.UUIDField(source="sale.offer.merchant.public_id")
    gift = GiftIn(read_only=True, allow_null=True)

    class Meta:
        model = OrderLine
        fields = [
            "id",
            "sale",
            "offer",
            "merchant",
            "title",
            "quantity",
            "unit_minor",
            "discount_minor",
            "line_total_minor",
            "gift",
        ]


class OrderOut(serializers.ModelSerializer[Order]):
    id = serializers.UUIDField(source="public_id")
    lines = LineOut(many=True)

    class Meta:
        model = Order
        fields = [
            "id", "number", "state", "currency", "total_minor", "refunded_minor", "payment_method", "lines",
            "created_at", "expires_at", "paid_at", "fulfilled_at",
        ]  # fmt: skip

    def to_representation(self, order: Order) -> dict[str, Any]:
        return order_document(order, order.lines.all())


def order_document(order: Order | NewOrder, lines: Iterable[OrderLine | NewLine]) -> dict[str, Any]:
    """An order as OrderOut describes it. Written out: field by field through a serializer costs ten times as much."""
    return {
        "id": order.public_id,
        "number": order.number,
        "state": order.state,
        "currency": order.currency,
        "total_minor": order.total_minor,
        "refunded_minor": order.refunded_minor,
        "payment_method": order.payment_method,
        "lines": [line_document(line) for line in lines],
        "created_at": order.created_at,
        "expires_at": order.expires_at,
        "paid_at": order.paid_at,
        "fulfilled_at": order.fulfilled_at,
    }


def line_document(line: OrderLine | NewLine) -> dict[str, Any]:
    sale, offer = line.sale, line.sale.offer
    return {
        "id": line.public_id,
        "sale": sale.public_id,
        "offer": offer.public_id,
        "merchant": offer.merchant.public_id,
        "title": line.title,
        "quantity": line.quantity,
        "unit_minor": line.unit_minor,
        "discount_minor": line.discount_minor,
        "line_total_minor": line.line_total_minor,
        "gift": line.gift and GiftIn(line.gift).data,
    }


class OrderFilter(filters.FilterSet):
    created_after = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_before = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")
    state = filters.MultipleChoiceFilter(choices=OrderState.choices)

    class Meta:
        model = Order
        fields = ["number"]


@extend_schema(responses={200: OrderOut, **PROBLEM_RESPONSES})
class OrderViewSet(PublicIdLookup, FollowedList, GenericViewSet[Order]):
    """Reserve, follow, call off, pay again."""

    stream_channel = "events:orders"
    serializer_class = OrderOut
    filterset_class = OrderFilter
    queryset = Order.objects.none()

    def get_queryset(self) -> OrderQuerySet:
        if self.request.user.is_anonymous:  # the API's description is drawn without a user
            return Order.objects.none()
        return Order.objects.visible_to(self.user).with_lines()

    @property
    def user(self) -> User:
        return cast(User, self.request.user)

    def retrieve(self, request: Request, **lookup: Any) -> Response:
        order, lines = order_and_lines(self.kwargs["id"])
        if order is None or not order.is_visible_to(self.user):
            raise Http404
        return Response(order_document(order, lines))

    @extend_schema(request=OrderIn, responses={201: OrderOut, **PROBLEM_RESPONSES, **REFUSED}, filters=False)
    @idempotent
    def create(self, request: Request) -> Response:
        """Reserve units until `expires_at`, and start the payment. 409: sold_out, limit_reached, sale_closed."""
        data = OrderIn(data=request.data)
        data.is_valid(raise_exception=True)
        lines = tuple(LineRequest(**line) for line in data.validated_data["lines"])
        method = data.validated_data["payment_method"]
        order = place_order(
            request=ReserveRequest(buyer=self.user, lines=lines, payment_method=method), at=timezone.now()
        )
        return Response(order_document(order, order.fresh_lines), status=201)

    @extend_schema(request=CancelIn, responses={200: OrderOut, **PROBLEM_RESPONSES, **REFUSED}, filters=False)
    @action(detail=True, methods=["post"], filterset_class=None)
    def cancel(self, request: Request, **lookup: Any) -> Response:
        """Call off an order that is not paid."""
        data = CancelIn(data=request.data)
        data.is_valid(raise_exception=True)
        order = cancel_order(order=self.get_object(), actor=self.user, **data.validated_data)
        return Response(OrderOut(order).data)

    @extend_schema(responses={200: OrderPaymentOut(many=True), **PROBLEM_RESPONSES}, filters=False)
    @action(detail=True, methods=["get"], filterset_class=None)
    def payments(self, request: Request, **lookup: Any) -> Response:
        """Every attempt to pay the order."""
        page = self.paginate_queryset(payments_of(self.get_object().public_id))
        return self.get_paginated_response(OrderPaymentOut(page, many=True).data)

    @extend_schema(request=PaymentIn, responses={201: OrderPaymentOut, **PROBLEM_RESPONSES, **REFUSED}, filters=False)
    @payments.mapping.post
    @idempotent
    def pay_again(self, request: Request, /, **lookup: Any) -> Response:
        """Try again after a payment that failed, while the stock is held. 409: payment_in_progress, not_payable."""
        data = PaymentIn(data=request.data)
        data.is_valid(raise_exception=True)
        payment = retry_payment(order=self.get_object(), method=data.validated_data["method"], at=timezone.now())
        return Response(OrderPaymentOut(payment).data, status=201)
