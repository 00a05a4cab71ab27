"""Alerts: told by Alertmanager under a token of its own, read by operators."""

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.mixins import RetrieveModelMixin
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from accounts.authentication import AlertmanagerAuthentication
from coupon_site.api import PROBLEM_RESPONSES, PublicIdLookup
from coupon_site.api.permissions import holds
from events.api.following import FollowedList
from monitoring import services
from monitoring.models import Alert

ALERTS_AT_ONCE = 1000


class AlertIn(serializers.Serializer[Any]):
    """An alert of a notification; Alertmanager's newer versions may say more of it."""

    status = serializers.ChoiceField(["firing", "resolved"])
    labels = serializers.DictField(child=serializers.CharField(allow_blank=True))
    annotations = serializers.DictField(child=serializers.CharField(allow_blank=True), default=dict)
    startsAt = serializers.DateTimeField()  # noqa: N815  Alertmanager's names
    endsAt = serializers.DateTimeField()  # noqa: N815
    fingerprint = serializers.CharField(max_length=64)
    generatorURL = serializers.CharField(allow_blank=True, default="")  # noqa: N815


class NotificationIn(serializers.Serializer[Any]):
    """What Alertmanager posts to a webhook."""

    version = serializers.ChoiceField(["4"])
    alerts = serializers.ListField(child=AlertIn(), max_length=ALERTS_AT_ONCE)


class NotificationOut(serializers.Serializer[Any]):
    received = serializers.IntegerField(help_text="Alerts that were told")
    changed = serializers.IntegerField(help_text="Those that the site did not know to fire, or to be over")


class NotificationView(APIView):
    """Where Alertmanager posts. It may tell the same twice, and does."""

    authentication_classes = [AlertmanagerAuthentication]
    permission_classes = [AllowAny]  # whoever is let in by the token
    throttle_classes = []  # a storm of alerts must come through

    @extend_schema(exclude=True)  # for programs of the same deployment alone
    def post(self, request: Request) -> Response:
        data = NotificationIn(data=request.data)
        data.is_valid(raise_exception=True)
        reports = [report_of(alert) for alert in data.validated_data["alerts"]]
        changed = services.receive_alerts(reports=reports, at=timezone.now())
        return Response(NotificationOut({"received": len(reports), "changed": changed}).data)


def report_of(alert: dict[str, Any]) -> services.AlertReport:
    """An alert without Alertmanager's way of saying that there is no end yet."""
    ends_at: datetime | None = alert["endsAt"] if alert["status"] == "resolved" else None
    return services.AlertReport(
        fingerprint=alert["fingerprint"],
        labels=alert["labels"],
        annotations=alert["annotations"],
        starts_at=alert["startsAt"],
        ends_at=ends_at,
        source_url=alert["generatorURL"],
    )


class AlertOut(serializers.ModelSerializer[Alert]):
    """One time that an alert fired, or fires."""

    id = serializers.UUIDField(source="public_id")

    class Meta:
        model = Alert
        fields = [
            "id", "name", "severity", "category", "service", "labels", "summary", "description", "state", "ending",
            "starts_at", "ends_at", "received_at", "runbook_url", "dashboard_url",
        ]  # fmt: skip
        read_only_fields = fields


@extend_schema(responses={200: AlertOut, **PROBLEM_RESPONSES})
class AlertViewSet(PublicIdLookup, FollowedList, RetrieveModelMixin, GenericViewSet[Alert]):
    """Alerts that fire and that have fired, the newest first. For operators."""

    permission_classes = (holds(list="monitoring.view_alert", retrieve="monitoring.view_alert"),)
    stream_channel = "events:alerts"
    serializer_class = AlertOut
    filterset_fields = ("state", "severity", "service", "name")
    queryset: QuerySet[Alert] = Alert.objects.all()
