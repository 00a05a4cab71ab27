"""Tills: registered and revoked by operators."""

from typing import Any

from django.http.response import HttpResponseBase
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from coupon_site.api import PROBLEM_RESPONSES, PublicIdLookup, StrictSerializer, idempotent
from orders.models import Merchant
from orders.permissions import holds
from vouchers.models import ScannerDevice
from vouchers.services import register_device, revoke_device, rotate_key


class DeviceIn(StrictSerializer):
    merchant = serializers.SlugRelatedField[Merchant](slug_field="public_id", queryset=Merchant.objects.all())
    name = serializers.CharField(max_length=80)


class DeviceOut(serializers.ModelSerializer[ScannerDevice]):
    id = serializers.UUIDField(source="public_id")
    merchant = serializers.UUIDField(source="merchant.public_id")

    class Meta:
        model = ScannerDevice
        fields = ["id", "merchant", "name", "hint", "created_at", "revoked_at"]


class NewDeviceOut(DeviceOut):
    key = serializers.CharField(allow_null=True, help_text="Shown this once: a repeated request gets null")

    class Meta(DeviceOut.Meta):
        fields = [*DeviceOut.Meta.fields, "key"]


@extend_schema(responses={200: DeviceOut, **PROBLEM_RESPONSES})
class DeviceViewSet(PublicIdLookup, ListModelMixin, RetrieveModelMixin, GenericViewSet[ScannerDevice]):
    """Tills and their keys."""

    serializer_class = DeviceOut
    filter_backends = ()
    permission_classes = [
        holds(
            list="vouchers.view_scannerdevice",
            retrieve="vouchers.view_scannerdevice",
            create="vouchers.add_scannerdevice",
            revoke="vouchers.change_scannerdevice",
            rotate="vouchers.change_scannerdevice",
        )
    ]
    queryset = ScannerDevice.objects.select_related("merchant")

    @extend_schema(request=DeviceIn, responses={201: NewDeviceOut, **PROBLEM_RESPONSES})
    def create(self, request: Request) -> HttpResponseBase:
        """Register a till. The key is in this answer only: what is kept to be repeated leaves it out."""
        key: list[str] = []
        return shown_once(self.register(request, key), key)

    @idempotent
    def register(self, request: Request, key: list[str]) -> Response:
        data = DeviceIn(data=request.data)
        data.is_valid(raise_exception=True)
        device, text = register_device(**data.validated_data)
        key.append(text)
        return Response({**DeviceOut(device).data, "key": None}, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses={200: DeviceOut, **PROBLEM_RESPONSES})
    @action(detail=True, methods=["post"])
    def revoke(self, request: Request, **lookup: Any) -> Response:
        """Refuse the till's key from now on."""
        device = revoke_device(device=self.get_object(), at=timezone.now())
        return Response(DeviceOut(device).data)

    @extend_schema(request=None, responses={201: NewDeviceOut, **PROBLEM_RESPONSES})
    @action(detail=True, methods=["post"])
    def rotate(self, request: Request, **lookup: Any) -> HttpResponseBase:
        """A new key for the till; the old one is unknown from now on. The key is in this answer only."""
        key: list[str] = []
        return shown_once(self.renew(request, key), key)

    @idempotent
    def renew(self, request: Request, key: list[str]) -> Response:
        device = self.get_object()
        key.append(rotate_key(device=device))
        return Response({**DeviceOut(device).data, "key": None}, status=status.HTTP_201_CREATED)


def shown_once(answer: HttpResponseBase, key: list[str]) -> HttpResponseBase:
    """The answer with the key that the kept one lacks."""
    if isinstance(answer, Response) and key:
        answer.data = {**answer.data, "key": key[0]}
    return answer
