"""Files of networks: uploaded by operators, worked off by importers."""

from collections.abc import Iterator
from typing import Any, NamedTuple, cast

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts.models import User
from cashback.models import ImportJob, ImportRow, Network, RowOutcome
from cashback.services import imports
from coupon_site.api import PROBLEM_RESPONSES, CursorPage, PublicIdLookup, StrictSerializer, idempotent
from orders.permissions import holds


class ImportIn(StrictSerializer):
    file = serializers.FileField(max_length=200)
    network = serializers.SlugRelatedField[Network](
        slug_field="slug",
        queryset=Network.objects.all(),
        required=False,
        help_text="Found out by the columns unless given",
    )

    def validate_file(self, file: UploadedFile) -> UploadedFile:
        if (file.size or 0) > settings.IMPORT_MAX_BYTES:
            raise serializers.ValidationError(f"At most {settings.IMPORT_MAX_BYTES >> 20} MiB.")
        return file


class ImportOut(serializers.ModelSerializer[ImportJob]):
    id = serializers.UUIDField(source="public_id")
    network = serializers.CharField(source="network.slug")
    progress = serializers.FloatField(help_text="From 0 to 1")
    conversions = serializers.IntegerField(help_text="How many the file speaks of")
    reasons = serializers.DictField(
        child=serializers.IntegerField(), help_text="Reason → rejected lines; one may have several"
    )

    class Meta:
        model = ImportJob
        fields = [
            "id", "kind", "source", "network", "filename", "size_bytes", "sha256", "state", "error", "progress",
            "lines", "rejected", "reasons", "conversions", "created_count", "amended_count", "unchanged_count",
            "clawbacks", "created_at", "started_at", "finished_at",
        ]  # fmt: skip


class ImportRowOut(serializers.ModelSerializer[ImportRow]):
    class Meta:
        model = ImportRow
        fields = ["row_no", "outcome", "reasons", "raw", "external_id", "quantity", "amount_minor", "occurred_at"]


class RowsIn(StrictSerializer):
    outcome = serializers.ChoiceField(choices=RowOutcome.choices, required=False)


class RowPage(CursorPage):
    """Lines in the order of the file."""

    ordering = "row_no"


class Upload(NamedTuple):
    """An uploaded file as importing reads files."""

    file: "UploadedFile"

    def chunks(self, offset: int) -> Iterator[bytes]:
        for chunk in self.file.chunks():
            if offset < len(chunk):
                yield chunk[offset:]
            offset = max(0, offset - len(chunk))


@extend_schema(responses={200: ImportOut, **PROBLEM_RESPONSES})
class ImportViewSet(PublicIdLookup, ListModelMixin, RetrieveModelMixin, GenericViewSet[ImportJob]):
    """Imports, their state and what they found."""

    permission_classes = (
        holds(
            list="cashback.view_importjob",
            retrieve="cashback.view_importjob",
            rows="cashback.view_importjob",
            create="cashback.add_importjob",
            cancel="cashback.add_importjob",
        ),
    )
    serializer_class = ImportOut
    filterset_fields = ["state", "source"]
    queryset = ImportJob.objects.select_related("network")

    def get_parsers(self) -> list[Any]:
        return [MultiPartParser()] if self.request and self.request.method == "POST" else super().get_parsers()

    @extend_schema(
        request={"multipart/form-data": ImportIn},
        responses={200: ImportOut, 201: ImportOut, **PROBLEM_RESPONSES},
        filters=False,
    )
    def create(self, request: Request) -> HttpResponseBase:
        """Upload a file. 201 with its job; 200 with the job that exists when the same file came before."""
        return self.upload(request)

    @idempotent
    def upload(self, request: Request) -> Response:
        data = ImportIn(data=request.data)
        data.is_valid(raise_exception=True)
        file = data.validated_data["file"]
        network = data.validated_data.get("network") or imports.profile_for(file=Upload(file)).network
        job, is_new = imports.receive_upload(
            network=network, filename=file.name, chunks=file.chunks, actor=cast(User, request.user)
        )
        return Response(ImportOut(job).data, status=201 if is_new else 200)

    @extend_schema(request=None, responses={200: ImportOut, **PROBLEM_RESPONSES}, filters=False)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, **lookup: Any) -> Response:
        """Call off an import that has not begun."""
        job = imports.cancel_import(job=self.get_object(), actor=cast(User, request.user))
        return Response(ImportOut(job).data)

    @extend_schema(
        parameters=[RowsIn, OpenApiParameter("cursor", str), OpenApiParameter("page_size", int)],
        responses={200: ImportRowOut(many=True), **PROBLEM_RESPONSES},
        filters=False,
    )
    @action(detail=True, filterset_fields=[], pagination_class=RowPage)
    def rows(self, request: Request, **lookup: Any) -> Response:
        """The file's lines and what came of them; `outcome=error` shows the rejected ones."""
        wanted = RowsIn(data={"outcome": request.query_params["outcome"]} if "outcome" in request.query_params else {})
        wanted.is_valid(raise_exception=True)
        rows = ImportRow.objects.filter(job=self.get_object(), **wanted.validated_data)
        if wanted.validated_data.get("outcome") == RowOutcome.ERROR:
            rows = rows.filter(line_hash=None)  # the index that holds only these
        return self.get_paginated_response(ImportRowOut(self.paginate_queryset(rows), many=True).data)
