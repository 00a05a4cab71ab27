"""Payouts: a customer's own, all for those who look after them."""

from typing import Any, cast

from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.generics import get_object_or_404
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts.models import User
from cashback.api.decisions import REFUSED, DecisionReasonIn, RemarkIn, decider_of
from cashback.models import Payout, PayoutQuerySet, PayoutState
from cashback.services import approve_payout, reject_payout, request_payout, retry_payout, return_payout
from coupon_site.api import PROBLEM_RESPONSES, ProblemOut, PublicIdLookup, StrictSerializer, idempotent
from coupon_site.api.problems import CONTENT_TYPE
from payments.models import CURRENCY

MAX_MINOR = 10**15
ACCOUNT = r"^[A-Za-z0-9][A-Za-z0-9 .:_@/-]{3,79}$"


class PayoutOut(serializers.ModelSerializer[Payout]):
    id = serializers.UUIDField(source="public_id")
    buyer = serializers.UUIDField(source="buyer.public_id")
    requested_by = serializers.UUIDField(source="requested_by.public_id")
    approved_by = serializers.UUIDField(source="approved_by.public_id", allow_null=True, default=None)

    class Meta:
        model = Payout
        fields = [
            "id", "buyer", "amount_minor", "currency", "destination", "state", "failure_code", "provider_ref",
            "requested_by", "requested_at", "approved_by", "approved_at", "sent_at", "ended_at",
        ]  # fmt: skip


class PayoutIn(StrictSerializer):
    amount_minor = serializers.IntegerField(min_value=1, max_value=MAX_MINOR)
    currency = serializers.RegexField(CURRENCY)
    destination = serializers.RegexField(ACCOUNT, help_text="The bank account that gets the money")
    buyer = serializers.UUIDField(required=False, help_text="For operators: whose wallet; the caller's own without")


class PayoutFilter(filters.FilterSet):
    state = filters.ChoiceFilter(choices=PayoutState.choices)
    buyer = filters.UUIDFilter(field_name="buyer__public_id")

    class Meta:
        model = Payout
        fields = ["currency"]


class PayoutViewSet(PublicIdLookup, ListModelMixin, RetrieveModelMixin, GenericViewSet[Payout]):
    """Money out of wallets: approved by a second person, sent once, and asked after until the bank has said what is."""

    serializer_class = PayoutOut
    filterset_class = PayoutFilter
    queryset = Payout.objects.none()

    def get_queryset(self) -> PayoutQuerySet:
        if self.request.user.is_anonymous:  # the API's description is drawn without a user
            return Payout.objects.none()
        rows = Payout.objects.visible_to(self.request.user)
        return rows.select_related("buyer", "requested_by", "approved_by")

    @extend_schema(responses={200: PayoutOut, **PROBLEM_RESPONSES})
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A customer's own, or all."""
        return super().list(request, *args, **kwargs)

    @extend_schema(responses={200: PayoutOut, **PROBLEM_RESPONSES})
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One payout."""
        return super().retrieve(request, *args, **kwargs)

    @extend_schema(request=PayoutIn, responses={201: PayoutOut, **REFUSED, ("422", CONTENT_TYPE): ProblemOut})
    @idempotent
    def create(self, request: Request) -> Response:
        """Set an amount aside and ask for its payment."""
        data = PayoutIn(data=request.data)
        data.is_valid(raise_exception=True)
        actor = cast(User, request.user)
        asked = dict(data.validated_data)
        buyer = self.buyer_of(asked.pop("buyer", None), actor)
        key = f"{buyer.public_id}:{actor.public_id}:{request.headers['Idempotency-Key']}"
        payout = request_payout(buyer=buyer, actor=actor, key=key, at=timezone.now(), **asked)
        return Response(PayoutOut(payout).data, status=201)

    def buyer_of(self, public_id: object, actor: User) -> User:
        """Whose wallet it is: one's own, unless one may enter payouts for others."""
        if public_id in (None, actor.public_id):
            return actor
        if not actor.has_perm("cashback.add_payout"):
            raise PermissionDenied
        return get_object_or_404(User, public_id=public_id)

    @extend_schema(request=RemarkIn, responses={200: PayoutOut, **REFUSED})
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, **lookup: Any) -> Response:
        """Let it go. Not for whoever asked for it."""
        return self.decide(request, RemarkIn, lambda **asked: approve_payout(at=timezone.now(), **asked))

    @extend_schema(request=DecisionReasonIn, responses={200: PayoutOut, **REFUSED})
    @action(detail=True, methods=["post"])
    def reject(self, request: Request, **lookup: Any) -> Response:
        """Put the money back into the wallet."""
        return self.decide(request, DecisionReasonIn, lambda **asked: reject_payout(at=timezone.now(), **asked))

    @extend_schema(request=RemarkIn, responses={200: PayoutOut, **REFUSED})
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, **lookup: Any) -> Response:
        """Send a failed one again; the bank knows it by the key it had."""
        return self.decide(request, RemarkIn, retry_payout)

    @extend_schema(
        operation_id="payouts_return",
        request=DecisionReasonIn,
        responses={200: PayoutOut, **REFUSED, ("503", CONTENT_TYPE): OpenApiResponse(ProblemOut, "The bank is away")},
    )
    @action(detail=True, methods=["post"], url_path="return")
    def give_back(self, request: Request, **lookup: Any) -> Response:
        """Give a failed one up: the money goes back into the wallet."""
        return self.decide(request, DecisionReasonIn, lambda **asked: return_payout(at=timezone.now(), **asked))

    def decide(self, request: Request, form: type[StrictSerializer], act: Any) -> Response:
        """One decision of those who may, about a payout that they may see."""
        payout = self.get_object()
        actor = decider_of(request, "cashback.approve_payout")
        data = form(data=request.data)
        data.is_valid(raise_exception=True)
        act(payout=payout, actor=actor, **data.validated_data)
        return Response(PayoutOut(self.get_object()).data)
