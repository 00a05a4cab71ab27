"""Why somebody gets what they get."""

from typing import Any

import msgspec
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from coupon_site.api import StrictSerializer
from flags.api.rights import MayViewFlags
from flags.api.shapes import NAME, PROBLEMS
from flags.errors import FlagUnknown
from flags.explanation import explain
from flags.services.edits import edit_of


class ExplainIn(StrictSerializer):
    context = serializers.DictField(  # type: ignore[assignment]  # OpenFeature's name
        required=False, help_text="For whom: targetingKey and any field that a rule may ask for"
    )
    changes = serializers.DictField(required=False, help_text="As if these fields of the definition were changed")


class StepOut(serializers.Serializer[Any]):
    kind = serializers.CharField()
    name = serializers.CharField(allow_blank=True)
    verdict = serializers.BooleanField(allow_null=True, help_text="null: not reached, or nobody can know")
    why = serializers.CharField()
    parts = serializers.ListField(child=serializers.DictField(), help_text="Steps of the same shape")


class AnswerOut(serializers.Serializer[Any]):
    value = serializers.JSONField()
    variant = serializers.CharField(allow_blank=True)
    reason = serializers.CharField()
    on = serializers.BooleanField()
    metadata = serializers.DictField()
    error_code = serializers.CharField(allow_blank=True)


class ExplanationOut(serializers.Serializer[Any]):
    evaluation = AnswerOut()
    steps = StepOut(many=True)


class FlagExplanationView(APIView):
    permission_classes = [IsAuthenticated, MayViewFlags]

    @extend_schema(
        operation_id="flags_explain",
        summary="Why a flag answers what it does",
        description="Every rule and constraint with its verdict, for a context; also for changes that are not saved.",
        parameters=[NAME],
        request=ExplainIn,
        responses={200: ExplanationOut, **PROBLEMS},
    )
    def post(self, request: Request, name: str) -> Response:
        data = ExplainIn(data=request.data)
        data.is_valid(raise_exception=True)
        changes = data.validated_data.get("changes")
        draft = edit_of(name, changes).after if changes else None
        explanation = explain(name, data.validated_data.get("context", {}), draft=draft)
        if explanation is None:
            raise FlagUnknown
        return Response(msgspec.to_builtins(explanation))
