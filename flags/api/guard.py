"""Where Alertmanager says that something is wrong: the flags that the alerts guard go off."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import AlertmanagerAuthentication
from flags.services import guard_flags

ALERTS_AT_ONCE = 1000
REASON_LENGTH = 200


class AlertIn(serializers.Serializer[Any]):
    """As much of an alert as matters here."""

    status = serializers.ChoiceField(["firing", "resolved"])
    labels = serializers.DictField(child=serializers.CharField(allow_blank=True))
    annotations = serializers.DictField(child=serializers.CharField(allow_blank=True), default=dict)


class NotificationIn(serializers.Serializer[Any]):
    """What Alertmanager posts to a webhook."""

    version = serializers.ChoiceField(["4"])
    alerts = serializers.ListField(child=AlertIn(), max_length=ALERTS_AT_ONCE)


class GuardedOut(serializers.Serializer[Any]):
    turned_off = serializers.ListField(child=serializers.CharField())


class GuardView(APIView):
    """It may be told the same twice, and is; what it turns off it never turns on again."""

    authentication_classes = [AlertmanagerAuthentication]
    permission_classes = [AllowAny]  # whoever is let in by the token
    throttle_classes = []  # a storm of alerts must come through

    @extend_schema(exclude=True)  # for programs of the same deployment alone
    def post(self, request: Request) -> Response:
        data = NotificationIn(data=request.data)
        data.is_valid(raise_exception=True)
        firing = [alert for alert in data.validated_data["alerts"] if alert["status"] == "firing"]
        reasons = {name: said_of(alert) for alert in firing if (name := alert["labels"].get("alertname"))}
        # One by one: the history names the alert that did it.
        off = [flag.key for name, why in reasons.items() for flag in guard_flags(alerts=[name], reason=why)]
        return Response(GuardedOut({"turned_off": off}).data)


def said_of(alert: dict[str, Any]) -> str:
    """Why, in the history's words."""
    summary = alert["annotations"].get("summary", "")
    return f"{alert['labels'].get('alertname', '')} fires{': ' if summary else ''}{summary}"[:REASON_LENGTH]
