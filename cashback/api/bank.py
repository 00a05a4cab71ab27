"""The sandbox bank's counter for transfers. Closed unless the site pays out there."""

import time
from uuid import UUID

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from cashback.models import SandboxState, SandboxTransfer
from cashback.services import accept_transfer
from cashback.services.sandbox_bank import is_silent
from coupon_site.api import StrictSerializer
from payments.api.bank import MAX_MINOR, BankView
from payments.models import CURRENCY


class TransferIn(StrictSerializer):
    key = serializers.UUIDField()
    amount_minor = serializers.IntegerField(min_value=1, max_value=MAX_MINOR)
    currency = serializers.RegexField(CURRENCY)
    destination = serializers.CharField(max_length=80)


class TransferBankView(BankView):
    @property
    def is_open(self) -> bool:
        return settings.PAYOUT_PROVIDER == "sandbox"


@extend_schema(exclude=True)
class TransfersView(TransferBankView):
    def post(self, request: Request) -> Response:
        data = TransferIn(data=request.data)
        data.is_valid(raise_exception=True)
        transfer = accept_transfer(**data.validated_data)
        if is_silent(transfer):
            time.sleep(settings.PROVIDER_TIMEOUT_SECONDS + 1)  # until nobody listens any more
        return Response(transfer.as_json(), status=201)


@extend_schema(exclude=True)
class TransferView(TransferBankView):
    def get(self, request: Request, key: UUID) -> Response:
        arrived = SandboxTransfer.objects.exclude(state=SandboxState.LOST)
        return Response(get_object_or_404(arrived, key=key).as_json())
