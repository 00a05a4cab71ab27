"""REST: read all flags as a plain dictionary, read and set one, see who changed what."""

import hashlib
from typing import Any, cast

import orjson
from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, PolymorphicProxySerializer, extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView, ListAPIView
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from coupon_site.api import PROBLEM_RESPONSES, ProblemOut, StrictSerializer
from flags.choices import FlagSource
from flags.errors import FlagUnknown
from flags.evaluation import visible_flags
from flags.models import Flag, FlagChange
from flags.queries import flags_with_last_change
from flags.services import set_flag

CONFLICT = {("409", "application/problem+json"): ProblemOut}
NAME = OpenApiParameter("name", str, OpenApiParameter.PATH, description="Such as checkout.new_flow")


class FlagStateOut(serializers.Serializer[Any]):
    """All that a client without rights over flags sees of one."""

    name = serializers.CharField(source="key")
    enabled = serializers.BooleanField()


class FlagOut(serializers.ModelSerializer[Flag]):
    """A flag and its last change."""

    name = serializers.CharField(source="key")
    changed_at = serializers.DateTimeField()
    changed_by = serializers.EmailField(allow_null=True, help_text="null: the system itself")
    changed_source = serializers.CharField()
    changed_reason = serializers.CharField()

    class Meta:
        model = Flag
        fields = [
            *("name", "enabled", "kind", "description", "owner", "tags", "protected", "client_visible"),
            *("archived_at", "version", "changed_at", "changed_by", "changed_source", "changed_reason"),
        ]
        read_only_fields = fields


class FlagChangeOut(serializers.ModelSerializer[FlagChange]):
    """One change: the flag before (null: it was made) and after, and by whom."""

    actor = serializers.EmailField(
        source="actor.email", default=None, allow_null=True, help_text="null: the system itself"
    )
    version = serializers.IntegerField(source="set_version", help_text="Of all flags, after this change")
    at = serializers.DateTimeField(source="created_at")

    class Meta:
        model = FlagChange
        fields = ["version", "at", "actor", "source", "reason", "before", "after"]
        read_only_fields = fields


class SetFlagIn(StrictSerializer):
    """The query string of a PUT."""

    enabled = serializers.ChoiceField(choices=["true", "false"])
    reason = serializers.CharField(max_length=200, required=False)


class ReasonIn(StrictSerializer):
    """The body of a PUT, for reasons that are no query string."""

    reason = serializers.CharField(max_length=200, required=False, help_text="Demanded for protected flags")


class MayChangeFlags(BasePermission):
    """Anybody signed in reads what they may see; only flag editors write."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return request.method != "PUT" or request.user.has_perm("flags.change_flag")


class MayViewFlags(BasePermission):
    def has_permission(self, request: Request, view: APIView) -> bool:
        return request.user.has_perm("flags.view_flag")


class FlagListView(APIView):
    @extend_schema(
        operation_id="flags_list",
        summary="All flags",
        description="Name → on or off. Flag editors see all, others those marked for clients. If-None-Match: 304.",
        responses={
            200: {"type": "object", "additionalProperties": {"type": "boolean"}, "example": {"new_checkout": True}},
            304: None,
            **PROBLEM_RESPONSES,
        },
        parameters=[OpenApiParameter("If-None-Match", OpenApiTypes.STR, OpenApiParameter.HEADER)],
    )
    def get(self, request: Request) -> HttpResponseBase:
        flags = visible_flags(everything=sees_all(request))
        etag = f'"{hashlib.sha256(orjson.dumps(flags)).hexdigest()[:32]}"'
        response = Response(flags, headers={"ETag": etag, "Cache-Control": "private, no-cache"})
        return cast(HttpResponseBase, get_conditional_response(request._request, etag=etag, response=response))


class FlagView(GenericAPIView[Flag]):
    permission_classes = [IsAuthenticated, MayChangeFlags]
    queryset = Flag.objects.all()
    serializer_class = FlagOut
    lookup_field, lookup_url_kwarg = "key", "name"

    @extend_schema(
        summary="One flag",
        parameters=[NAME],
        responses={
            200: PolymorphicProxySerializer("FlagDetail", [FlagOut, FlagStateOut], resource_type_field_name=None),
            **PROBLEM_RESPONSES,
        },
    )
    def get(self, request: Request, name: str) -> Response:
        if sees_all(request):
            return Response(flag_out(name))
        flags = visible_flags(everything=False)
        if name not in flags:
            raise FlagUnknown
        return Response({"name": name, "enabled": flags[name]})

    @extend_schema(
        summary="Turn a flag on or off",
        description="Saying the same twice changes nothing. Protected flags need a reason (query or body).",
        parameters=[
            NAME,
            OpenApiParameter("enabled", bool, required=True, description="true or false, nothing else"),
            OpenApiParameter("reason", str),
        ],
        request=ReasonIn,
        responses={200: FlagOut, **PROBLEM_RESPONSES, **CONFLICT},
    )
    def put(self, request: Request, name: str) -> Response:
        body = ReasonIn(data=request.data)
        body.is_valid(raise_exception=True)
        query = SetFlagIn(data={field: only_or_all(values) for field, values in request.query_params.lists()})
        query.is_valid(raise_exception=True)
        said = {"reason": "", **body.validated_data, **query.validated_data}
        set_flag(
            key=name,
            enabled=said["enabled"] == "true",
            actor=cast(User, request.user),
            source=FlagSource.API,
            reason=said["reason"],
        )
        return Response(flag_out(name))


class FlagHistoryView(ListAPIView[FlagChange]):
    permission_classes = [IsAuthenticated, MayViewFlags]
    queryset = FlagChange.objects.select_related("actor")
    serializer_class = FlagChangeOut
    ordering = ("-id",)

    @extend_schema(
        summary="Who changed a flag, newest first",
        parameters=[NAME],
        responses={200: FlagChangeOut(many=True), **PROBLEM_RESPONSES},
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[FlagChange]:
        flag = Flag.objects.filter(key=self.kwargs["name"]).first()
        if flag is None:
            raise FlagUnknown
        return super().get_queryset().filter(flag=flag)


def sees_all(request: Request) -> bool:
    return request.user.has_perm("flags.view_flag")


def flag_out(name: str) -> dict[str, Any]:
    """A flag as the database has it; raises FlagUnknown."""
    flag = flags_with_last_change().filter(key=name).first()
    if flag is None:
        raise FlagUnknown
    return FlagOut(flag).data


def only_or_all(values: list[str]) -> object:
    """A parameter's value; one that is given twice is no value, and is refused as such."""
    return values[0] if len(values) == 1 else values
