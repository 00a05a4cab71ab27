"""What the site's OpenAPI document says of the protocol."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, PolymorphicProxySerializer
from rest_framework import serializers

from coupon_site.api import ProblemOut

JSON, PROBLEM = "application/json", "application/problem+json"


class EvaluationIn(serializers.Serializer[Any]):
    context = serializers.DictField(required=False, allow_null=True)  # type: ignore[assignment]  # the protocol's name


class EvaluationOut(serializers.Serializer[Any]):
    """An answer; without `value` the code's default counts."""

    key = serializers.CharField()
    value = serializers.JSONField(required=False)
    reason = serializers.ChoiceField(["STATIC", "TARGETING_MATCH", "SPLIT", "DEFAULT", "DISABLED"])
    variant = serializers.CharField(allow_blank=True)
    metadata = serializers.DictField()


class EvaluationErrorOut(serializers.Serializer[Any]):
    key = serializers.CharField(required=False)
    errorCode = serializers.CharField(help_text="One of OpenFeature's")  # noqa: N815
    errorDetails = serializers.CharField()  # noqa: N815


class StreamEndpointOut(serializers.Serializer[Any]):
    requestUri = serializers.CharField(help_text="At the origin that was asked")  # noqa: N815


class StreamOut(serializers.Serializer[Any]):
    type = serializers.CharField(help_text="sse")
    endpoint = StreamEndpointOut()
    inactivityDelaySec = serializers.IntegerField()  # noqa: N815


class EvaluationsOut(serializers.Serializer[Any]):
    flags = PolymorphicProxySerializer(
        "BulkEntry", [EvaluationOut, EvaluationErrorOut], resource_type_field_name=None, many=True
    )
    eventStreams = StreamOut(many=True)  # noqa: N815


ERRORS = {
    **{(str(status), JSON): EvaluationErrorOut for status in (400, 401, 403, 404, 405, 415, 429, 503)},
    # What never comes as far as the protocol: bytes that no address may hold, addresses of nothing.
    **{(str(status), PROBLEM): ProblemOut for status in (400, 404)},
}
ONE: dict[str, Any] = {
    "operation_id": "ofrep_evaluate",
    "summary": "One flag, for a context",
    "tags": ["ofrep"],
    "description": "OpenFeature's remote evaluation protocol 0.3. The context may be left out where no rule needs it.",
    "request": EvaluationIn,
    "responses": {200: EvaluationOut, **ERRORS},
    "parameters": [OpenApiParameter("key", str, OpenApiParameter.PATH)],
}
ALL: dict[str, Any] = {
    "operation_id": "ofrep_evaluate_all",
    "summary": "All flags, for a context",
    "tags": ["ofrep"],
    "description": "If-None-Match: 304. `eventStreams` says where to hear that they have changed.",
    "request": EvaluationIn,
    "responses": {200: EvaluationsOut, 304: None, **ERRORS},
    "parameters": [
        OpenApiParameter("If-None-Match", OpenApiTypes.STR, OpenApiParameter.HEADER),
        OpenApiParameter("flagConfigEtag", str, description="`etag` of the event that made the client ask again"),
        OpenApiParameter("flagConfigLastModified", str, description="Of the same event; not used here"),
    ],
}
