"""A customer's own vouchers."""

from typing import Any

import orjson
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from coupon_site.api import PROBLEM_RESPONSES, PublicIdLookup
from orders.api.catalogue import MerchantShown
from vouchers.errors import CodeHidden, VoucherCancelled
from vouchers.links import page_url
from vouchers.models import Voucher, VoucherQuerySet, VoucherState
from vouchers.pictures import qr_picture


class VoucherOut(serializers.ModelSerializer[Voucher]):
    id = serializers.UUIDField(source="public_id")
    order = serializers.UUIDField(source="line.order.public_id")
    title = serializers.CharField(source="offer.title")
    merchant = MerchantShown()
    code = serializers.SerializerMethodField(help_text="Null while it is given away")
    page_url = serializers.SerializerMethodField(
        help_text="A page to show at the till; whoever has the link sees the code"
    )

    class Meta:
        model = Voucher
        fields = [
            "id", "order", "title", "merchant", "value_minor", "currency", "code", "state", "uses_total", "uses_done",
            "valid_from", "expires_at", "page_url", "created_at",
        ]  # fmt: skip

    def get_code(self, voucher: Voucher) -> str | None:
        return voucher.code_in_groups if voucher.is_shown else None

    def get_page_url(self, voucher: Voucher) -> str:
        return page_url(voucher)


class PictureRenderer(BaseRenderer):
    """Bytes as they are; problems as JSON."""

    charset = None
    render_style = "binary"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        return data if isinstance(data, bytes) else orjson.dumps(data, default=str)


class SvgRenderer(PictureRenderer):
    media_type = "image/svg+xml"
    format = "svg"


class PngRenderer(PictureRenderer):
    media_type = "image/png"
    format = "png"


class PdfRenderer(PictureRenderer):
    media_type = "application/pdf"
    format = "pdf"


@extend_schema(responses={200: VoucherOut, **PROBLEM_RESPONSES})
class VoucherViewSet(PublicIdLookup, ListModelMixin, RetrieveModelMixin, GenericViewSet[Voucher]):
    """Vouchers that belong to the caller."""

    serializer_class = VoucherOut
    filterset_fields = ["state"]
    queryset = Voucher.objects.none()

    def get_queryset(self) -> VoucherQuerySet:
        if self.request.user.is_anonymous:  # the API's description is drawn without a user
            return Voucher.objects.none()
        rows = Voucher.objects.visible_to(self.request.user)
        return rows.select_related("line__order", "offer", "merchant")

    @extend_schema(
        parameters=[OpenApiParameter("format", str, enum=["svg", "png", "pdf"], default="svg")],
        responses={(200, "image/svg+xml"): OpenApiTypes.BINARY, (200, "image/png"): OpenApiTypes.BINARY,
                   (200, "application/pdf"): OpenApiTypes.BINARY, **PROBLEM_RESPONSES},
    )  # fmt: skip
    @action(detail=True, renderer_classes=[SvgRenderer, PngRenderer, PdfRenderer], filterset_fields=[])
    def code(self, request: Request, **lookup: str) -> Response | HttpResponse:
        """The code as a QR picture, or the whole voucher as a PDF to print."""
        voucher = self.get_object()
        if not voucher.is_shown:
            raise CodeHidden
        if voucher.state == VoucherState.CANCELLED:
            raise VoucherCancelled
        return Response(
            picture_of(voucher, str(request.accepted_renderer.format)), headers={"Cache-Control": "private, no-store"}
        )


def picture_of(voucher: Voucher, kind: str) -> bytes:
    if kind == "pdf":
        from vouchers.documents import voucher_document  # half a second and 45 MB, which few processes need

        return voucher_document(voucher)
    return qr_picture(voucher.code, "png" if kind == "png" else "svg")
