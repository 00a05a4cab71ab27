"""`/api/v1/flags/` and one flag of them."""

import hashlib
from collections.abc import Mapping
from typing import Any, cast

import msgspec
import orjson
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.cache import get_conditional_response
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from flags.api.rights import MayChangeFlag, sees_all
from flags.api.shapes import (
    CONFLICT,
    IF_MATCH,
    NAME,
    PROBLEMS,
    ChangeFlagIn,
    FlagOut,
    PlanOut,
    ReasonIn,
    SetFlagIn,
)
from flags.choices import FlagSource
from flags.errors import ChangedMeanwhile, FlagUnknown
from flags.evaluation import visible_flags
from flags.models import PlannedChange
from flags.queries import definition_of, flags_with_last_change
from flags.services import change_or_plan

# Whoever sees all gets all of it, others its name and state: a flag as editors see it fits both.
SEEN = {
    "anyOf": [
        {"$ref": "#/components/schemas/FlagOut"},
        {
            "type": "object",
            "properties": {"name": {"type": "string"}, "enabled": {"type": "boolean"}},
            "required": ["name", "enabled"],
        },
    ]
}
DONE: dict[Any, Any] = {200: FlagOut, 202: PlanOut, **PROBLEMS, **CONFLICT}


class FlagListView(APIView):
    @extend_schema(
        operation_id="flags_list",
        summary="All flags",
        description="Name → on or off. Flag editors see all, others those marked for clients. If-None-Match: 304.",
        responses={
            200: {"type": "object", "additionalProperties": {"type": "boolean"}, "example": {"new_checkout": True}},
            304: None,
            **PROBLEMS,
        },
        parameters=[OpenApiParameter("If-None-Match", OpenApiTypes.STR, OpenApiParameter.HEADER)],
    )
    def get(self, request: Request) -> HttpResponseBase:
        flags = visible_flags(everything=sees_all(request))
        etag = f'"{hashlib.sha256(orjson.dumps(flags)).hexdigest()[:32]}"'
        response = Response(flags, headers={"ETag": etag, "Cache-Control": "private, no-cache"})
        return cast(HttpResponseBase, get_conditional_response(request._request, etag=etag, response=response))


class FlagView(APIView):
    permission_classes = [IsAuthenticated, MayChangeFlag]

    @extend_schema(
        operation_id="flags_retrieve",
        summary="One flag",
        parameters=[NAME],
        responses={200: SEEN, **PROBLEMS},
    )
    def get(self, request: Request, name: str) -> Response:
        if sees_all(request):
            return whole(name)
        flags = visible_flags(everything=False)
        if name not in flags:
            raise FlagUnknown
        return Response({"name": name, "enabled": flags[name]})

    @extend_schema(
        operation_id="flags_update",
        summary="Turn a flag on or off",
        description="Saying the same twice changes nothing. Protected flags need a reason (query or body); turning one "
        "on waits for another person: 202. Turning off is always done at once.",
        parameters=[
            NAME,
            OpenApiParameter("enabled", bool, required=True, description="true or false, nothing else"),
            OpenApiParameter("reason", str),
            IF_MATCH,
        ],
        request=ReasonIn,
        responses=DONE,
    )
    def put(self, request: Request, name: str) -> Response:
        body = ReasonIn(data=request.data)
        body.is_valid(raise_exception=True)
        query = SetFlagIn(data={field: only_or_all(values) for field, values in request.query_params.lists()})
        query.is_valid(raise_exception=True)
        said = {"reason": "", **body.validated_data, **query.validated_data}
        return change(request, name, {"enabled": said["enabled"] == "true"}, said["reason"])

    @extend_schema(
        operation_id="flags_partial_update",
        summary="Change anything of a flag",
        description="Rules, variants, its guard and all else that `definition` shows. What a second person has to look "
        "at waits for them: 202.",
        parameters=[NAME, IF_MATCH],
        request=ChangeFlagIn,
        responses=DONE,
    )
    def patch(self, request: Request, name: str) -> Response:
        data = ChangeFlagIn(data=request.data)
        data.is_valid(raise_exception=True)
        return change(request, name, data.validated_data["changes"], data.validated_data["reason"])


def change(request: Request, name: str, patch: Mapping[str, Any], reason: str) -> Response:
    """The flag as it is now; 202 and a plan, where another person has to approve."""
    done = change_or_plan(
        key=name,
        patch=patch,
        actor=cast(User, request.user),
        source=FlagSource.API,
        at=timezone.now(),
        reason=reason,
        expected_version=version_in(request),
    )
    return Response(PlanOut(done).data, status=202) if isinstance(done, PlannedChange) else whole(name)


def whole(name: str) -> Response:
    """A flag as the database has it; raises FlagUnknown."""
    flag = flags_with_last_change().filter(key=name).first()
    if flag is None:
        raise FlagUnknown
    vars(flag)["definition"] = msgspec.to_builtins(definition_of(name))
    return Response(FlagOut(flag).data, headers={"ETag": f'"{flag.version}"', "Cache-Control": "private, no-cache"})


def version_in(request: Request) -> int | None:
    """The flag's version that If-Match names; None: any. Raises ChangedMeanwhile for what no flag ever had."""
    text = request.headers.get("If-Match", "*").strip()
    if text == "*":
        return None
    digits = text.removeprefix('"').removesuffix('"')
    if text != f'"{digits}"' or not (digits.isascii() and digits.isdigit() and len(digits) <= 10):
        raise ChangedMeanwhile("If-Match is an ETag of this flag, as it was given.")
    return int(digits)


def only_or_all(values: list[str]) -> object:
    """A parameter's value; one that is given twice is no value, and is refused as such."""
    return values[0] if len(values) == 1 else values
