"""How Alertmanager comes in: a token of its own, and what its webhooks post."""

import hmac
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from rest_framework import authentication, serializers
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.authentication import KEYWORD

ALERTS_AT_ONCE = 1000


class AlertmanagerAuthentication(authentication.BaseAuthentication):
    """`Authorization: Bearer <settings.ALERTS_TOKEN>`. It opens the doors for alerts, and no other token does."""

    def authenticate(self, request: Request) -> tuple[AnonymousUser, None]:
        given = request.headers.get("Authorization", "")
        expected = f"{KEYWORD}{settings.ALERTS_TOKEN}"
        if not (settings.ALERTS_TOKEN and hmac.compare_digest(given.encode(), expected.encode())):
            raise AuthenticationFailed("Send the token of Alertmanager.")
        return AnonymousUser(), None

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


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


class AlertmanagerView(APIView):
    """Where Alertmanager posts. It may tell the same twice, and does."""

    authentication_classes = [AlertmanagerAuthentication]
    permission_classes = [AllowAny]  # whoever is let in by the token
    throttle_classes = []  # a storm of alerts must come through
    schema = None  # for programs of the same deployment alone

    def alerts(self, request: Request) -> list[dict[str, Any]]:
        """What the request tells. Raises ValidationError."""
        data = NotificationIn(data=request.data)
        data.is_valid(raise_exception=True)
        told: list[dict[str, Any]] = data.validated_data["alerts"]
        return told
