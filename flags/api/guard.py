"""Where Alertmanager says that something is wrong: the flags that the alerts guard go off."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.alertmanager import AlertmanagerView
from flags.services import guard_flags

REASON_LENGTH = 200


class GuardedOut(serializers.Serializer[Any]):
    turned_off = serializers.ListField(child=serializers.CharField())


class GuardView(AlertmanagerView):
    """What it turns off it never turns on again."""

    def post(self, request: Request) -> Response:
        firing = [alert for alert in self.alerts(request) if alert["status"] == "firing"]
        reasons = {name: said_of(alert) for alert in firing if (name := alert["labels"].get("alertname"))}
        # One by one: the history names the alert that did it.
        off = [flag.key for name, why in reasons.items() for flag in guard_flags(alerts=[name], reason=why)]
        return Response(GuardedOut({"turned_off": off}).data)


def said_of(alert: dict[str, Any]) -> str:
    """Why, in the history's words."""
    summary = alert["annotations"].get("summary", "")
    return f"{alert['labels'].get('alertname', '')} fires{': ' if summary else ''}{summary}"[:REASON_LENGTH]
