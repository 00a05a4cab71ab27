"""Files of networks: uploaded by operators, worked off by importers."""

from typing import Any, cast

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http.response import HttpResponseBase
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts.models import User
from cashback.api.error_files import error_file
from cashback.api.mappings import MappingIn, PreviewOut, StartIn
from cashback.errors import FileTooLarge
from cashback.models import ImportJob, ImportRow, Network, RowOutcome
from cashback.services import imports
from coupon_site.api import PROBLEM_RESPONSES, CursorPage, ProblemOut, PublicIdLookup, StrictSerializer, idempotent
from coupon_site.api.problems import CONTENT_TYPE
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
    is_going_on = serializers.BooleanField(
        help_text="Whether it moves by itself; otherwise it waits for you, or is over"
    )
    conversions = serializers.IntegerField(help_text="How many the file speaks of")
    reasons = serializers.DictField(
        child=serializers.IntegerField(), help_text="Reason → rejected lines; one may have several"
    )

    class Meta:
        model = ImportJob
        fields = [
            "id", "kind", "source", "network", "filename", "size_bytes", "sha256", "state", "error", "progress",
            "is_going_on", "lines", "rejected", "reasons", "conversions", "created_count", "amended_count",
            "unchanged_count", "clawbacks", "created_at", "started_at", "finished_at",
        ]  # fmt: skip


class ImportDetailOut(ImportOut):
    mapping = MappingIn(allow_null=True, help_text="How it is read; proposed until it starts")
    preview = PreviewOut(allow_null=True)

    class Meta(ImportOut.Meta):
        fields = [*ImportOut.Meta.fields, "mapping", "preview"]


class ImportRowOut(serializers.ModelSerializer[ImportRow]):
    class Meta:
        model = ImportRow
        fields = [
            "row_no", "outcome", "reasons", "raw", "external_id", "item", "quantity", "amount_minor", "currency",
            "occurred_at",
        ]  # fmt: skip


class RowsIn(StrictSerializer):
    outcome = serializers.ChoiceField(choices=RowOutcome.choices, required=False)


class RowPage(CursorPage):
    """Lines in the order of the file."""

    ordering = "row_no"


PROBLEMS = {
    **PROBLEM_RESPONSES,
    ("409", CONTENT_TYPE): ProblemOut,
    ("413", CONTENT_TYPE): ProblemOut,
    ("422", CONTENT_TYPE): ProblemOut,
}
ROUND_THE_FILE = 1 << 16  # what a form adds to its file


@extend_schema(responses={200: ImportOut, **PROBLEMS})
class ImportViewSet(PublicIdLookup, ListModelMixin, RetrieveModelMixin, GenericViewSet[ImportJob]):
    """Imports: uploaded, previewed, started, and what became of each line."""

    permission_classes = (
        holds(
            **dict.fromkeys(["list", "retrieve", "rows", "errors"], "cashback.view_importjob"),
            **dict.fromkeys(["create", "preview", "start", "cancel", "retry"], "cashback.add_importjob"),
        ),
    )
    serializer_class = ImportOut
    filterset_fields = ["state", "source"]
    queryset = ImportJob.objects.select_related("network")

    def get_parsers(self) -> list[Any]:
        takes_files = (getattr(self, "action_map", None) or {}).get("post") == "create"
        return [MultiPartParser()] if takes_files else super().get_parsers()

    def get_serializer_class(self) -> type[ImportOut]:
        return ImportOut if self.action == "list" else ImportDetailOut

    @extend_schema(
        request={"multipart/form-data": ImportIn},
        responses={200: ImportDetailOut, 201: ImportDetailOut, **PROBLEMS},
        filters=False,
    )
    def create(self, request: Request) -> HttpResponseBase:
        """Upload a file; an importer previews it. 201 with its job; 200 with the one of the same file before."""
        if int(request.headers.get("content-length") or 0) > settings.IMPORT_MAX_BYTES + ROUND_THE_FILE:
            raise FileTooLarge(f"At most {settings.IMPORT_MAX_BYTES >> 20} MiB.")
        return self.upload(request)

    @idempotent
    def upload(self, request: Request) -> Response:
        data = ImportIn(data=request.data)
        data.is_valid(raise_exception=True)
        file = data.validated_data["file"]
        job, is_new = imports.receive_upload(
            network=data.validated_data.get("network"),
            filename=file.name,
            file=imports.UploadFile(file),
            actor=cast(User, request.user),
        )
        return self.answer(job, status=201 if is_new else 200)

    def answer(self, job: ImportJob, *, status: int = 200) -> Response:
        return Response(ImportDetailOut(job).data, status=status)

    @extend_schema(responses={200: ImportDetailOut, **PROBLEMS})
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """State, progress, counts, the mapping, and the preview."""
        return self.answer(self.get_object())

    @extend_schema(request=MappingIn, responses={200: ImportDetailOut, **PROBLEMS}, filters=False)
    @action(detail=True, methods=["post"])
    def preview(self, request: Request, **lookup: Any) -> Response:
        """Preview it again, read otherwise. Nothing is imported yet."""
        data = MappingIn(data=request.data)
        data.is_valid(raise_exception=True)
        return self.answer(imports.change_mapping(job=self.get_object(), changes=data.validated_data))

    @extend_schema(request=StartIn, responses={200: ImportDetailOut, **PROBLEMS}, filters=False)
    @action(detail=True, methods=["post"])
    def start(self, request: Request, **lookup: Any) -> Response:
        """Let a previewed import begin; its mapping becomes a profile of the network. Again changes nothing."""
        data = StartIn(data=request.data)
        data.is_valid(raise_exception=True)
        changes = data.validated_data.get("mapping", {})
        job = self.get_object()
        return self.answer(
            imports.start_import(job=job, actor=cast(User, request.user), changes=changes, at=timezone.now())
        )

    @extend_schema(request=None, responses={200: ImportDetailOut, **PROBLEMS}, filters=False)
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, **lookup: Any) -> Response:
        """Let a failed import go on where it was."""
        actor = cast(User, request.user)
        return self.answer(imports.retry_import(job=self.get_object(), actor=actor, at=timezone.now()))

    @extend_schema(request=None, responses={200: ImportDetailOut, **PROBLEMS}, filters=False)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, **lookup: Any) -> Response:
        """Call off an import that has not begun."""
        return self.answer(imports.cancel_import(job=self.get_object(), actor=cast(User, request.user)))

    @extend_schema(
        parameters=[RowsIn, OpenApiParameter("cursor", str), OpenApiParameter("page_size", int)],
        responses={200: ImportRowOut(many=True), **PROBLEMS},
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

    @extend_schema(responses={(200, "text/csv"): bytes, **PROBLEMS}, filters=False)
    @action(detail=True, url_path=r"errors\.csv", filterset_fields=[])
    def errors(self, request: Request, **lookup: Any) -> HttpResponseBase:
        """The rejected lines with their numbers and reasons, as a file."""
        return error_file(self.get_object())
