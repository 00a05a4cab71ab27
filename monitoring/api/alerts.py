"""Alerts: told by Alertmanager under a token of its own, read by operators."""

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.mixins import RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts.alertmanager import AlertmanagerView
from coupon_site.api import PROBLEM_RESPONSES, PublicIdLookup
from coupon_site.api.permissions import holds
from events.api.following import FollowedList
from monitoring import services
from monitoring.models import Alert


class NotificationOut(serializers.Serializer[Any]):
    received = serializers.IntegerField(help_text="Alerts that were told")
    changed = serializers.IntegerField(help_text="Those that the site did not know to fire, or to be over")


class NotificationView(AlertmanagerView):
    def post(self, request: Request) -> Response:
        reports = [report_of(alert) for alert in self.alerts(request)]
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
