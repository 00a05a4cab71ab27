"""What tills call: check, redeem, void. Every answer names its result; a refusal says no more than a till needs."""

from typing import Any, cast

from django.http import Http404
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from coupon_site.api import PROBLEM_RESPONSES, StrictSerializer
from vouchers.answers import ScanResult
from vouchers.authentication import DeviceAuthentication, IsDevice
from vouchers.models import Redemption, ScannerDevice, Voucher
from vouchers.queries import ScanAnswer
from vouchers.services import check_voucher, redeem_voucher, refuse_revoked, void_redemption
from vouchers.throttles import GuessThrottle, ScanThrottle

GUESSES = (ScanResult.UNKNOWN, ScanResult.WRONG_MERCHANT)
MESSAGES = {True: "The voucher is valid.", False: "This voucher can't be redeemed here."}
NONCE = r"^[A-Za-z0-9_.-]{1,64}$"


class DeviceScheme(OpenApiAuthenticationExtension):  # registers by being defined
    """How the API's description shows tills' keys."""

    target_class = DeviceAuthentication
    name = "device"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Device <key>`, the key of a till.",
        }


class CheckIn(StrictSerializer):
    code = serializers.CharField(max_length=80, help_text="As typed or scanned; separators and case don't matter")


class RedeemIn(CheckIn):
    nonce = serializers.RegexField(
        NONCE, help_text="The till's own name for this attempt; repeat it to get the same answer"
    )


class VoucherAtTillOut(serializers.ModelSerializer[Voucher]):
    id = serializers.UUIDField(source="public_id")
    title = serializers.CharField(source="offer.title")
    last_date = serializers.DateField(help_text="The last valid day in the merchant's zone")

    class Meta:
        model = Voucher
        fields = [
            "id", "title", "value_minor", "currency", "uses_total", "uses_left", "valid_from", "expires_at",
            "last_date",
        ]  # fmt: skip


class RedemptionOut(serializers.ModelSerializer[Redemption]):
    id = serializers.UUIDField(source="public_id")
    voids = serializers.UUIDField(source="voids.public_id", allow_null=True, default=None)
    void_until = serializers.DateTimeField(allow_null=True, help_text="How long it may be taken back; null for a void")

    class Meta:
        model = Redemption
        fields = ["id", "voids", "void_until", "created_at"]


class ScanOut(serializers.Serializer[ScanAnswer]):
    result = serializers.ChoiceField(choices=ScanResult.choices)
    message = serializers.SerializerMethodField()
    voucher = serializers.SerializerMethodField()
    redemption = RedemptionOut(allow_null=True)

    def get_message(self, answer: ScanAnswer) -> str:
        return MESSAGES[answer.result is ScanResult.OK]

    @extend_schema(responses=VoucherAtTillOut)
    def get_voucher(self, answer: ScanAnswer) -> dict[str, Any] | None:
        shown = answer.voucher is not None and answer.result not in GUESSES
        return VoucherAtTillOut(answer.voucher).data if shown else None


class TillOut(serializers.Serializer[ScannerDevice]):
    id = serializers.UUIDField(source="public_id")
    name = serializers.CharField()
    merchant = serializers.CharField(source="merchant.name")


class TillView(APIView):
    """A door for tills."""

    authentication_classes = [DeviceAuthentication]
    permission_classes = [IsDevice]
    throttle_classes = [ScanThrottle, GuessThrottle]

    @property
    def device(self) -> ScannerDevice:
        return cast(ScannerDevice, self.request.auth)

    def answer(self, answer: ScanAnswer) -> Response:
        if answer.result in GUESSES:
            GuessThrottle().count_guess(self.request, self)
        return Response(ScanOut(answer).data)


class AboutView(TillView):
    @extend_schema(responses={200: TillOut, **PROBLEM_RESPONSES}, operation_id="scan_till")
    def get(self, request: Request) -> Response:
        """Which till a key belongs to. 403: device_revoked."""
        refuse_revoked(self.device)
        return Response(TillOut(self.device).data)


class CheckView(TillView):
    @extend_schema(request=CheckIn, responses={200: ScanOut, **PROBLEM_RESPONSES}, operation_id="scan_check")
    def post(self, request: Request) -> Response:
        """What redeeming would be answered; changes nothing."""
        data = CheckIn(data=request.data)
        data.is_valid(raise_exception=True)
        return self.answer(check_voucher(device=self.device, at=timezone.now(), **data.validated_data))


class RedeemView(TillView):
    @extend_schema(request=RedeemIn, responses={200: ScanOut, **PROBLEM_RESPONSES}, operation_id="scan_redeem")
    def post(self, request: Request) -> Response:
        """Take one use of a voucher."""
        data = RedeemIn(data=request.data)
        data.is_valid(raise_exception=True)
        return self.answer(redeem_voucher(device=self.device, at=timezone.now(), **data.validated_data))


class ScanView(RedeemView):
    """The same under a short address."""

    @extend_schema(request=RedeemIn, responses={200: ScanOut, **PROBLEM_RESPONSES}, operation_id="scan")
    def post(self, request: Request) -> Response:
        """Take one use of a voucher."""
        return super().post(request)


class VoidView(TillView):
    @extend_schema(request=None, responses={200: RedemptionOut, **PROBLEM_RESPONSES}, operation_id="scan_void")
    def post(self, request: Request, id: str) -> Response:  # noqa: A002  the name in the address
        """Give a use back, at any till of the same merchant; again answers the same."""
        mine = Redemption.objects.filter(public_id=id, merchant=self.device.merchant_id)
        redemption = mine.select_related("device").first()
        if redemption is None:
            raise Http404
        reversal = void_redemption(redemption=redemption, device=self.device, at=timezone.now())
        return Response(RedemptionOut(reversal).data)
