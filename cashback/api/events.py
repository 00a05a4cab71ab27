"""Cashback events: a customer's own, all for those who look after them."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.mixins import RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from cashback.api.decisions import REFUSED, DecisionReasonIn, RemarkIn, decider_of
from cashback.models import CashbackEvent, CashbackEventQuerySet, CashbackState
from cashback.services import (
    amend_event,
    approve_events,
    clear_events,
    decline_events,
    hold_events,
    reverse_events,
)
from coupon_site.api import PROBLEM_RESPONSES, PublicIdLookup
from coupon_site.errors import IllegalTransition
from events.api.following import POSITION, FollowedList
from payments.api.bank import MAX_MINOR


class CashbackEventOut(serializers.ModelSerializer[CashbackEvent]):
    id = serializers.UUIDField(source="public_id")
    buyer = serializers.UUIDField(source="buyer.public_id")
    order = serializers.UUIDField(source="order_line.order.public_id", allow_null=True, default=None)
    order_line = serializers.UUIDField(source="order_line.public_id", allow_null=True, default=None)
    conversion = serializers.UUIDField(source="conversion.public_id", allow_null=True, default=None)
    amount_minor = serializers.IntegerField(help_text="What it is worth now")
    rule = serializers.CharField(source="rule.name", allow_null=True, default=None, help_text="Where its rate is from")

    class Meta:
        model = CashbackEvent
        fields = [
            "id", "buyer", "network", "order", "order_line", "conversion", "state", "amount_minor", "original_minor",
            "clawed_back_minor", "correction_minor", "written_off_minor", "currency", "basis_points", "rule",
            "hold_until", "created_at", "confirmed_at", "paid_at",
        ]  # fmt: skip


class CashbackEventFilter(filters.FilterSet):
    state = filters.ChoiceFilter(choices=CashbackState.choices)
    buyer = filters.UUIDFilter(field_name="buyer__public_id")
    order = filters.UUIDFilter(field_name="order_line__order__public_id")

    class Meta:
        model = CashbackEvent
        fields = ["network", "currency"]


class AmendIn(DecisionReasonIn):
    amount_minor = serializers.IntegerField(min_value=0, max_value=MAX_MINOR, help_text="What it is worth from now on")


Act = Callable[..., list[CashbackEvent]]


class CashbackEventViewSet(PublicIdLookup, FollowedList, RetrieveModelMixin, GenericViewSet[CashbackEvent]):
    """What purchases give back."""

    stream_channel = "events:cashback"
    serializer_class = CashbackEventOut
    filterset_class = CashbackEventFilter
    queryset = CashbackEvent.objects.none()

    def get_queryset(self) -> CashbackEventQuerySet:
        if self.request.user.is_anonymous:  # the API's description is drawn without a user
            return CashbackEvent.objects.none()
        rows = CashbackEvent.objects.visible_to(self.request.user)
        return rows.select_related("buyer", "order_line__order", "conversion", "rule")

    @extend_schema(parameters=[POSITION], responses={200: CashbackEventOut, **PROBLEM_RESPONSES})
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A customer's own, or all."""
        return super().list(request, *args, **kwargs)

    @extend_schema(responses={200: CashbackEventOut, **PROBLEM_RESPONSES})
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One cashback event."""
        return super().retrieve(request, *args, **kwargs)

    @extend_schema(request=RemarkIn, responses={200: CashbackEventOut, **REFUSED})
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, **lookup: Any) -> Response:
        """Confirm what is pending, or held."""
        return self.decide(request, RemarkIn, partial(approve_events, at=timezone.now()))

    @extend_schema(request=DecisionReasonIn, responses={200: CashbackEventOut, **REFUSED})
    @action(detail=True, methods=["post"])
    def decline(self, request: Request, **lookup: Any) -> Response:
        """There will be none."""
        return self.decide(request, DecisionReasonIn, decline_events)

    @extend_schema(request=DecisionReasonIn, responses={200: CashbackEventOut, **REFUSED})
    @action(detail=True, methods=["post"])
    def hold(self, request: Request, **lookup: Any) -> Response:
        """Keep confirmed cashback back until somebody has looked at it."""
        return self.decide(request, DecisionReasonIn, hold_events)

    @extend_schema(request=RemarkIn, responses={200: CashbackEventOut, **REFUSED})
    @action(detail=True, methods=["post"])
    def release(self, request: Request, **lookup: Any) -> Response:
        """What was held is fine."""
        return self.decide(request, RemarkIn, partial(clear_events, at=timezone.now()))

    @extend_schema(request=DecisionReasonIn, responses={200: CashbackEventOut, **REFUSED})
    @action(detail=True, methods=["post"])
    def reverse(self, request: Request, **lookup: Any) -> Response:
        """Take paid cashback back, as far as the wallet's floor allows."""
        return self.decide(request, DecisionReasonIn, reverse_events)

    @extend_schema(request=AmendIn, responses={200: CashbackEventOut, **REFUSED})
    @action(detail=True, methods=["post"])
    def amend(self, request: Request, **lookup: Any) -> Response:
        """Decide what it is worth from now on."""
        event = self.get_object()
        actor = decider_of(request, "cashback.approve_cashbackevent")
        data = AmendIn(data=request.data)
        data.is_valid(raise_exception=True)
        amend_event(event=event, actor=actor, **data.validated_data)
        return Response(CashbackEventOut(self.get_object()).data)

    def decide(self, request: Request, form: type[RemarkIn | DecisionReasonIn], act: Act) -> Response:
        """One decision of those who may, about an event that they may see."""
        event = self.get_object()
        actor = decider_of(request, "cashback.approve_cashbackevent")
        data = form(data=request.data)
        data.is_valid(raise_exception=True)
        if not act(events=[event], actor=actor, **data.validated_data):
            raise IllegalTransition(f"the cashback is {event.state}", state=event.state)
        return Response(CashbackEventOut(self.get_object()).data)
