"""Payments: their payer sees how they stand, operators decide about authorised ones."""

from typing import Any, cast

from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts.models import User
from coupon_site.api import PROBLEM_RESPONSES, ProblemOut, PublicIdLookup, StrictSerializer
from payments.models import Payment, PaymentQuerySet, PaymentState
from payments.services import capture_payment, refresh_payment, void_payment

REFUSED = {("409", "application/problem+json"): ProblemOut}
UNAVAILABLE = {("503", "application/problem+json"): ProblemOut}


class PaymentOut(serializers.ModelSerializer[Payment]):
    id = serializers.UUIDField(source="public_id")
    reference = serializers.UUIDField(help_text="The order that is paid for")
    state = serializers.ChoiceField(PaymentState.choices)

    class Meta:
        model = Payment
        fields = [
            "id", "reference", "provider", "method", "capture", "decision", "state", "amount_minor", "currency",
            "captured_minor", "refunded_minor", "failure_code", "created_at", "authorized_at", "captured_at",
        ]  # fmt: skip


class FreshPaymentOut(PaymentOut):
    client_secret = serializers.CharField(
        help_text="For the payer's browser, while the bank wants to see them; else empty", default=""
    )

    class Meta(PaymentOut.Meta):
        fields = [*PaymentOut.Meta.fields, "client_secret"]


class DecisionIn(StrictSerializer):
    reason = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")


class PaymentFilter(filters.FilterSet):
    reference = filters.UUIDFilter()
    state = filters.MultipleChoiceFilter(choices=PaymentState.choices)

    class Meta:
        model = Payment
        fields: list[str] = []


@extend_schema(responses={200: PaymentOut, **PROBLEM_RESPONSES})
class PaymentViewSet(PublicIdLookup, ListModelMixin, RetrieveModelMixin, GenericViewSet[Payment]):
    """Attempts to pay."""

    serializer_class = PaymentOut
    filterset_class = PaymentFilter
    queryset = Payment.objects.none()

    def get_queryset(self) -> PaymentQuerySet:
        if self.request.user.is_anonymous:  # the API's description is drawn without a user
            return Payment.objects.none()
        return Payment.objects.visible_to(self.user)

    @property
    def user(self) -> User:
        return cast(User, self.request.user)

    @extend_schema(
        request=None,
        responses={200: FreshPaymentOut, **PROBLEM_RESPONSES, **REFUSED, **UNAVAILABLE},
        filters=False,
    )
    @action(detail=True, methods=["post"], filterset_class=None)
    def refresh(self, request: Request, **lookup: Any) -> Response:
        """Ask the provider at once instead of waiting for its webhook: for the page that the payer comes back to."""
        payment = self.get_object()
        report = refresh_payment(payment=payment, at=timezone.now())
        is_payer = payment.payer_id == self.user.pk
        secret = report.client_secret if report and payment.is_open and is_payer else ""
        return Response({**PaymentOut(payment).data, "client_secret": secret})

    @extend_schema(request=DecisionIn, responses={200: PaymentOut, **PROBLEM_RESPONSES, **REFUSED}, filters=False)
    @action(detail=True, methods=["post"], filterset_class=None)
    def capture(self, request: Request, **lookup: Any) -> Response:
        """Take the money of an authorised payment; a worker tells the provider. For operators."""
        return self.decided(capture_payment)

    @extend_schema(request=DecisionIn, responses={200: PaymentOut, **PROBLEM_RESPONSES, **REFUSED}, filters=False)
    @action(detail=True, methods=["post"], filterset_class=None)
    def void(self, request: Request, **lookup: Any) -> Response:
        """Let a payment go that took no money yet. For operators."""
        return self.decided(void_payment)

    def decided(self, service: Any) -> Response:
        payment = self.get_object()
        if not self.user.has_perm("payments.change_payment"):
            raise PermissionDenied
        data = DecisionIn(data=self.request.data)
        data.is_valid(raise_exception=True)
        return Response(PaymentOut(service(payment=payment, actor=self.user, **data.validated_data)).data)
