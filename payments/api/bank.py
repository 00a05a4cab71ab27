"""The sandbox bank's counter: charges and refunds for whoever has the bank's key. Closed unless the site pays there."""

import hmac
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotAuthenticated
from rest_framework.generics import get_object_or_404
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from coupon_site.api import StrictSerializer
from payments.models import CURRENCY, CaptureMode, ProviderName, SandboxCharge, SandboxRefund
from payments.providers.sandbox import METHODS
from payments.services import capture_charge, open_charge, open_refund, void_charge

MAX_MINOR = 10**15
PAGE = 500
LAST_SECOND = 253_402_300_799  # of the year 9999


class ChargeIn(StrictSerializer):
    key = serializers.UUIDField()
    amount_minor = serializers.IntegerField(min_value=1, max_value=MAX_MINOR)
    currency = serializers.RegexField(CURRENCY)
    method = serializers.ChoiceField(METHODS)
    capture = serializers.ChoiceField(CaptureMode.choices, default=CaptureMode.AUTOMATIC)


class RefundIn(StrictSerializer):
    key = serializers.UUIDField()
    charge = serializers.UUIDField(help_text="The key of the charge")
    amount_minor = serializers.IntegerField(min_value=1, max_value=MAX_MINOR)


class SinceIn(StrictSerializer):
    since = serializers.IntegerField(min_value=0, max_value=LAST_SECOND, help_text="Unix seconds")


class BankView(APIView):
    """One counter of the bank."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = ()  # the one customer is known by its key

    @property
    def is_open(self) -> bool:
        return settings.PAYMENT_PROVIDER == ProviderName.SANDBOX

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if not self.is_open:
            raise Http404
        given = request.headers.get("Authorization", "").encode()
        if not hmac.compare_digest(given, f"Bearer {settings.SANDBOX_KEY}".encode()):
            raise NotAuthenticated


@extend_schema(exclude=True)
class ChargesView(BankView):
    def post(self, request: Request) -> Response:
        data = ChargeIn(data=request.data)
        data.is_valid(raise_exception=True)
        return Response(open_charge(**data.validated_data).as_json(), status=201)


@extend_schema(exclude=True)
class ChargeView(BankView):
    def get(self, request: Request, key: UUID) -> Response:
        return Response(get_object_or_404(SandboxCharge, key=key).as_json())


@extend_schema(exclude=True)
class CaptureView(BankView):
    def post(self, request: Request, key: UUID) -> Response:
        return Response(capture_charge(charge=get_object_or_404(SandboxCharge, key=key)).as_json())


@extend_schema(exclude=True)
class VoidView(BankView):
    def post(self, request: Request, key: UUID) -> Response:
        return Response(void_charge(charge=get_object_or_404(SandboxCharge, key=key)).as_json())


@extend_schema(exclude=True)
class DisputesView(BankView):
    def get(self, request: Request) -> Response:
        asked = SinceIn(data=request.query_params)
        asked.is_valid(raise_exception=True)
        since = datetime.fromtimestamp(asked.validated_data["since"], UTC)
        claims = SandboxCharge.objects.filter(created_at__gte=since).exclude(claim="").order_by("id")[:PAGE]
        return Response({"disputes": [charge.claim_as_json() for charge in claims]})


@extend_schema(exclude=True)
class DisputeView(BankView):
    def get(self, request: Request, key: UUID) -> Response:
        charges = SandboxCharge.objects.exclude(claim="")
        return Response(get_object_or_404(charges, public_id=key).claim_as_json())


@extend_schema(exclude=True)
class RefundsView(BankView):
    def post(self, request: Request) -> Response:
        data = RefundIn(data=request.data)
        data.is_valid(raise_exception=True)
        asked = data.validated_data
        charge = get_object_or_404(SandboxCharge, key=asked["charge"])
        refund = open_refund(key=asked["key"], charge=charge, amount_minor=asked["amount_minor"])
        return Response(refund.as_json(state="accepted"), status=201)


@extend_schema(exclude=True)
class RefundView(BankView):
    def get(self, request: Request, key: UUID) -> Response:
        return Response(
            get_object_or_404(SandboxRefund.objects.select_related("charge"), key=key).as_json(state="done")
        )
