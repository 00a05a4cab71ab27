"""REST: whether the books agree."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from coupon_site.api import PROBLEM_RESPONSES
from monitoring.queries.invariants import reconcile


class InvariantOut(serializers.Serializer[Any]):
    """An invariant, and how many rows break it."""

    app = serializers.CharField()
    invariant = serializers.CharField()
    broken_rows = serializers.IntegerField()


class ReconciliationOut(serializers.Serializer[Any]):
    """Every invariant of the site."""

    ok = serializers.BooleanField(help_text="Whether all of them hold")
    invariants = InvariantOut(many=True)


class MayReconcile(BasePermission):
    def has_permission(self, request: Request, view: APIView) -> bool:
        return request.user.has_perm("monitoring.view_reconciliation")


class ReconciliationView(APIView):
    permission_classes = [IsAuthenticated, MayReconcile]

    @extend_schema(
        summary="Whether every invariant holds",
        description="Asks the database now: stock against holds, sold units against vouchers, balances against ledger.",
        responses={200: ReconciliationOut, **PROBLEM_RESPONSES},
    )
    def get(self, request: Request) -> Response:
        findings = list(reconcile())
        out = ReconciliationOut({"ok": all(finding.holds for finding in findings), "invariants": findings})
        return Response(out.data)
