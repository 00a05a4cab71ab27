"""What waits in the outbox, for operators."""

import django_filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from coupon_site.api import PROBLEM_RESPONSES, CursorPage, PublicIdLookup
from events.models import MessageState, OutboxMessage


class MayViewOutbox(BasePermission):
    """Operators."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return request.user.has_perm("events.view_outboxmessage")


class OutboxMessageOut(serializers.ModelSerializer[OutboxMessage]):
    """One event for one handler, or one command to do later."""

    id = serializers.UUIDField(source="public_id")

    class Meta:
        model = OutboxMessage
        fields = [
            "id", "topic", "handler", "event", "payload", "state", "attempts", "last_error",
            "scheduled_at", "due_at", "created_at", "finished_at",
        ]  # fmt: skip


class OutboxFilter(django_filters.FilterSet):
    """`?state=dead&topic=vouchers`."""

    state = django_filters.ChoiceFilter(choices=MessageState.choices)
    topic = django_filters.CharFilter()
    handler = django_filters.CharFilter()
    event = django_filters.CharFilter()


class OutboxPage(CursorPage):
    """Newest first."""

    ordering = "-public_id"


@extend_schema_view(
    list=extend_schema(
        summary="Messages of the outbox", responses={200: OutboxMessageOut(many=True), **PROBLEM_RESPONSES}
    ),
    retrieve=extend_schema(summary="One message of the outbox", responses={200: OutboxMessageOut, **PROBLEM_RESPONSES}),
)
class OutboxViewSet(PublicIdLookup, ListModelMixin, RetrieveModelMixin, GenericViewSet[OutboxMessage]):
    queryset = OutboxMessage.objects.all()
    serializer_class = OutboxMessageOut
    permission_classes = [MayViewOutbox]
    filterset_class = OutboxFilter
    pagination_class = OutboxPage
