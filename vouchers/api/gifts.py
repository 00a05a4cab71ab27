"""Gifts: given by their owners, opened by whoever has the link."""

from typing import Any, cast

from django.http import Http404
from django.http.response import HttpResponseBase
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts.models import User
from coupon_site.api import PROBLEM_RESPONSES, ProblemOut, PublicIdLookup, StrictSerializer, idempotent
from orders.api.catalogue import MerchantShown
from orders.api.gifts import GiftIn
from vouchers.api.vouchers import VoucherOut
from vouchers.links import gift_url
from vouchers.models import Gift, GiftQuerySet, Voucher
from vouchers.services import claim_gift, create_gift, renew_link, revoke_gift
from vouchers.throttles import GiftThrottle

REFUSED = {("409", "application/problem+json"): ProblemOut}


class GiveIn(GiftIn):
    voucher = serializers.UUIDField(help_text="An active voucher of the caller")

    def validate(self, gift: dict[str, Any]) -> Any:
        voucher = gift.pop("voucher")
        return {"voucher": voucher, "wish": super().validate(gift)}


class GiftOut(serializers.ModelSerializer[Gift]):
    id = serializers.UUIDField(source="public_id")
    voucher = serializers.UUIDField(source="voucher.public_id")
    title = serializers.CharField(source="voucher.offer.title")
    merchant = MerchantShown(source="voucher.merchant")
    value_minor = serializers.IntegerField(source="voucher.value_minor")
    currency = serializers.CharField(source="voucher.currency")

    class Meta:
        model = Gift
        fields = [
            "id", "voucher", "title", "merchant", "value_minor", "currency", "mode", "theme", "message",
            "recipient_name", "recipient_email", "state", "deliver_at", "expires_at", "sent_at", "claimed_at",
            "revoked_at", "mail_error", "created_at",
        ]  # fmt: skip


class GiftLinkOut(serializers.Serializer[Any]):
    link = serializers.URLField(help_text="Whoever opens it first has the gift. Shown this once")


class NewGiftOut(GiftOut):
    link = serializers.URLField(
        allow_null=True, help_text="Shown this once, and never for one that is mailed: a repeated request gets null"
    )

    class Meta(GiftOut.Meta):
        fields = [*GiftOut.Meta.fields, "link"]


class ClaimIn(StrictSerializer):
    token = serializers.CharField(max_length=300, help_text="What the gift's link ends in, or the whole link")

    def validate_token(self, text: str) -> str:
        return text.rstrip("/").rpartition("/")[2]


@extend_schema(responses={200: GiftOut, **PROBLEM_RESPONSES})
class GiftViewSet(PublicIdLookup, ListModelMixin, RetrieveModelMixin, GenericViewSet[Gift]):
    """What the caller gives away, and what others have given them."""

    serializer_class = GiftOut
    filterset_fields = ["state", "mode"]
    queryset = Gift.objects.none()

    def get_queryset(self) -> GiftQuerySet:
        if self.request.user.is_anonymous:  # the API's description is drawn without a user
            return Gift.objects.none()
        return Gift.objects.visible_to(self.user).with_voucher()

    @property
    def user(self) -> User:
        return cast(User, self.request.user)

    @extend_schema(request=GiveIn, responses={201: NewGiftOut, **PROBLEM_RESPONSES, **REFUSED}, filters=False)
    def create(self, request: Request) -> HttpResponseBase:
        """Give a voucher away. 409: not_giftable, illegal_transition. The link is in this answer only."""
        link: list[str] = []
        answer = self.give(request, link)
        if isinstance(answer, Response) and link:
            answer.data = {**answer.data, "link": link[0]}
        return answer

    @idempotent
    def give(self, request: Request, link: list[str]) -> Response:
        data = GiveIn(data=request.data)
        data.is_valid(raise_exception=True)
        mine = Voucher.objects.visible_to(self.user).select_related("merchant", "offer", "owner")
        voucher = mine.filter(public_id=data.validated_data["voucher"]).first()
        if voucher is None:
            raise Http404
        gift = create_gift(voucher=voucher, giver=self.user, wish=data.validated_data["wish"], at=timezone.now())
        if not gift.is_mailed:
            link.append(gift_url(gift))
        return Response({**GiftOut(gift).data, "link": None}, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses={200: GiftOut, **PROBLEM_RESPONSES, **REFUSED}, filters=False)
    @action(detail=True, methods=["post"], filterset_fields=[])
    def revoke(self, request: Request, **lookup: Any) -> Response:
        """Take a gift back that nobody has opened; the voucher is the caller's again."""
        gift = revoke_gift(gift=self.get_object(), actor=self.user, at=timezone.now(), reason="by the giver")
        return Response(GiftOut(gift).data)

    @extend_schema(request=None, responses={200: GiftLinkOut, **PROBLEM_RESPONSES, **REFUSED}, filters=False)
    @action(detail=True, methods=["post"], filterset_fields=[])
    def link(self, request: Request, **lookup: Any) -> Response:
        """A new link to pass on, also for a gift that came with an order. The one before opens nothing any more."""
        return Response({"link": renew_link(gift=self.get_object())}, headers={"Cache-Control": "private, no-store"})

    @extend_schema(request=ClaimIn, responses={201: VoucherOut, **PROBLEM_RESPONSES, **REFUSED}, filters=False)
    @action(detail=False, methods=["post"], throttle_classes=[GiftThrottle], filterset_fields=[])
    @idempotent
    def claims(self, request: Request) -> Response:
        """Open a gift: its voucher is the caller's.

        409: gift_already_claimed, gift_not_ready, gift_revoked, gift_expired.
        """
        data = ClaimIn(data=request.data)
        data.is_valid(raise_exception=True)
        gift = claim_gift(token=data.validated_data["token"], claimer=self.user, at=timezone.now())
        voucher = Voucher.objects.select_related("line__order", "offer", "merchant").get(pk=gift.voucher_id)
        return Response(VoucherOut(voucher).data, status=status.HTTP_201_CREATED)
