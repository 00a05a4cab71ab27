"""Who changed a flag, and the way back."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from flags.api.flags import DONE, change
from flags.api.rights import MayChangeFlag, MayViewFlags
from flags.api.shapes import IF_MATCH, NAME, PROBLEMS, FlagChangeOut, RevertIn
from flags.models import FlagChange
from flags.queries import find_flag
from flags.services import revert_patch


class FlagHistoryView(ListAPIView[FlagChange]):
    permission_classes = [IsAuthenticated, MayViewFlags]
    queryset = FlagChange.objects.select_related("actor")
    serializer_class = FlagChangeOut
    ordering = ("-id",)

    @extend_schema(
        summary="Who changed a flag, newest first",
        parameters=[NAME],
        responses={200: FlagChangeOut(many=True), **PROBLEMS},
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[FlagChange]:
        return super().get_queryset().filter(flag=find_flag(self.kwargs["name"]))


class FlagRevertView(APIView):
    permission_classes = [IsAuthenticated, MayChangeFlag]

    @extend_schema(
        operation_id="flags_revert",
        summary="Take a change back",
        description="The flag is as it was before that change, by a new change that the history shows, too.",
        parameters=[NAME, IF_MATCH],
        request=RevertIn,
        responses=DONE,
    )
    def post(self, request: Request, name: str) -> Response:
        data = RevertIn(data=request.data)
        data.is_valid(raise_exception=True)
        version = data.validated_data["version"]
        reason = data.validated_data["reason"] or f"back to before version {version}"
        return change(request, name, revert_patch(key=name, change=version), reason)
