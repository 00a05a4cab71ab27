"""The sandbox bank's counter: charges and refunds for whoever has the bank's key. Closed unless the site pays there."""

import hmac
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
from payments.models import CURRENCY, ProviderName, SandboxCharge, SandboxRefund
from payments.providers.sandbox import METHODS
from payments.services import open_charge, open_refund

MAX_MINOR = 10**15


class ChargeIn(StrictSerializer):
    key = serializers.UUIDField()
    amount_minor = serializers.IntegerField(min_value=1, max_value=MAX_MINOR)
    currency = serializers.RegexField(CURRENCY)
    method = serializers.ChoiceField(METHODS)


class RefundIn(StrictSerializer):
    key = serializers.UUIDField()
    charge = serializers.UUIDField(help_text="The key of the charge")
    amount_minor = serializers.IntegerField(min_value=1, max_value=MAX_MINOR)


class BankView(APIView):
    """One counter of the bank."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = ()  # the one customer is known by its key

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if settings.PAYMENT_PROVIDER != ProviderName.SANDBOX:
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
