"""What decisions of finance have in common."""

from typing import cast

from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from accounts.models import User
from coupon_site.api import PROBLEM_RESPONSES, ProblemOut, StrictSerializer
from coupon_site.api.problems import CONTENT_TYPE

REFUSED = {**PROBLEM_RESPONSES, ("409", CONTENT_TYPE): OpenApiResponse(ProblemOut, "Its state does not allow it")}


class RemarkIn(StrictSerializer):
    reason = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")


class DecisionReasonIn(StrictSerializer):
    reason = serializers.CharField(max_length=200)


def decider_of(request: Request, permission: str) -> User:
    """The caller, who must hold the permission."""
    if not request.user.has_perm(permission):
        raise PermissionDenied
    return cast(User, request.user)
