"""Changes that wait, and the second person's yes."""

from typing import Any, cast

from django.db.models import QuerySet
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView, get_object_or_404
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from coupon_site.api import ProblemOut, StrictSerializer, idempotent
from flags.api.rights import MayChangeFlag, MayViewFlags
from flags.api.shapes import CONFLICT, NAME, PROBLEM, PROBLEMS, REASON_LENGTH, PlanOut, ReasonIn
from flags.models import PlannedChange
from flags.queries import find_flag
from flags.rights import may_approve, may_change
from flags.services import approve_plan, cancel_plan, plan_change, plan_ramp

MOST_STEPS = 20


class StepIn(StrictSerializer):
    percent = serializers.FloatField(min_value=0, max_value=100)
    run_at = serializers.DateTimeField()


class PlanIn(StrictSerializer):
    """`changes` at `run_at`, or a `ramp`: the share of one rule grows step by step."""

    changes = serializers.DictField(required=False, allow_empty=False)
    run_at = serializers.DateTimeField(required=False)
    ramp = serializers.ListField(child=StepIn(), required=False, allow_empty=False, max_length=MOST_STEPS)
    reason = serializers.CharField(max_length=REASON_LENGTH, default="", allow_blank=True)

    def validate(self, plan: dict[str, Any]) -> dict[str, Any]:
        if {"changes", "run_at", "ramp"} & plan.keys() not in ({"changes", "run_at"}, {"ramp"}):
            raise serializers.ValidationError("Say `changes` and `run_at`, or a `ramp`.")
        return plan


class RampOut(serializers.Serializer[Any]):
    steps = PlanOut(many=True)


def known_plans() -> QuerySet[PlannedChange]:
    return PlannedChange.objects.select_related("flag", "after", "author").prefetch_related("approvals__approver")


class FlagPlansView(ListAPIView[PlannedChange]):
    permission_classes = [IsAuthenticated, MayViewFlags, MayChangeFlag]
    queryset = PlannedChange.objects.all()
    serializer_class = PlanOut
    ordering = ("-id",)

    @extend_schema(
        operation_id="flags_plans_list",
        summary="What is and was planned for a flag, newest first",
        parameters=[NAME],
        responses={200: PlanOut(many=True), **PROBLEMS},
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="flags_plan",
        summary="Plan a change, or a ramp",
        description="It waits for its moment; what lets a protected flag do more, for another person's yes as well.",
        parameters=[NAME],
        request=PlanIn,
        responses={
            201: PolymorphicProxySerializer("Planned", [PlanOut, RampOut], resource_type_field_name=None),
            **PROBLEMS,
            **CONFLICT,
            ("422", PROBLEM): ProblemOut,
        },
    )
    @idempotent
    def post(self, request: Request, name: str) -> Response:
        data = PlanIn(data=request.data)
        data.is_valid(raise_exception=True)
        said, author = data.validated_data, cast(User, request.user)
        if "ramp" in said:
            steps = [(step["percent"], step["run_at"]) for step in said["ramp"]]
            plans = plan_ramp(key=name, steps=steps, author=author, reason=said["reason"])
            return Response({"steps": PlanOut(plans, many=True).data}, status=201)
        plan = plan_change(key=name, patch=said["changes"], run_at=said["run_at"], author=author, reason=said["reason"])
        return Response(PlanOut(plan).data, status=201)

    def get_queryset(self) -> QuerySet[PlannedChange]:
        return known_plans().filter(flag=find_flag(self.kwargs["name"]))


class PlanView(APIView):
    """An act upon a plan, by whoever may."""

    permission_classes = [IsAuthenticated, MayViewFlags]

    def plan_in(self, request: Request, id: str, may: Any) -> PlannedChange:  # noqa: A002  the address has it
        plan = get_object_or_404(known_plans(), public_id=id)
        if not may(request.user, plan.flag.key):
            self.permission_denied(request)
        return plan


class PlanApprovalView(PlanView):
    @extend_schema(
        operation_id="flags_plan_approve",
        summary="Say yes to what another person planned",
        description="For exactly what the plan is now, and those that follow it. It is done at once when its moment is "
        "past.",
        request=None,
        responses={200: PlanOut, **PROBLEMS, **CONFLICT},
    )
    def post(self, request: Request, id: str) -> Response:  # noqa: A002
        plan = self.plan_in(request, id, may_approve)
        approve_plan(plan=plan, approver=cast(User, request.user))
        return Response(PlanOut(known_plans().get(pk=plan.pk)).data)


class PlanCancellationView(PlanView):
    @extend_schema(
        operation_id="flags_plan_cancel",
        summary="Call a plan off, and those that follow it",
        request=ReasonIn,
        responses={200: PlanOut, **PROBLEMS, **CONFLICT},
    )
    def post(self, request: Request, id: str) -> Response:  # noqa: A002
        data = ReasonIn(data=request.data)
        data.is_valid(raise_exception=True)
        plan = self.plan_in(request, id, may_change)
        cancel_plan(plan=plan, actor=cast(User, request.user), reason=data.validated_data.get("reason", ""))
        return Response(PlanOut(known_plans().get(pk=plan.pk)).data)
