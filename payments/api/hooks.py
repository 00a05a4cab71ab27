"""Where providers tell what has happened."""

import time
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from coupon_site.api import PROBLEM_RESPONSES
from payments.metrics import count_webhook_failure
from payments.providers.sandbox import SIGNATURE_HEADER
from payments.services import receive_webhook

F = TypeVar("F", bound=Callable[..., Response])


class ReceiptOut(serializers.Serializer[Any]):
    """The acknowledgement of a webhook."""

    received = serializers.BooleanField()


class WebhookView(APIView):
    """A provider's webhook; what proves the sender is the signature over the raw body."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = ()  # a provider has one address and many customers
    provider: ClassVar[str]
    header: ClassVar[str]

    def receive(self, request: Request) -> Response:
        body = request._request.body
        signature = request.headers.get(self.header, "")
        receive_webhook(provider=self.provider, body=body, signature=signature, at=time.time())
        return Response({"received": True})

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, MethodNotAllowed):
            count_webhook_failure(self.provider, "method")
        return super().handle_exception(exc)


def documented(header: str) -> Callable[[F], F]:
    """The OpenAPI description of a webhook's POST."""
    signature = OpenApiParameter(
        header,
        str,
        OpenApiParameter.HEADER,
        required=True,
        description="t=<unix seconds>,v1=<hex HMAC-SHA256 over t.body>",
    )
    return extend_schema(
        request={"application/json": dict},
        responses={200: ReceiptOut, **PROBLEM_RESPONSES},
        parameters=[signature],
        auth=[],
    )


class StripeWebhookView(WebhookView):
    provider = "stripe"
    header = "Stripe-Signature"

    @documented(header)
    def post(self, request: Request) -> Response:
        """Stripe tells what has happened. 400 while no webhook secret is configured."""
        return self.receive(request)


class SandboxWebhookView(WebhookView):
    provider = "sandbox"
    header = SIGNATURE_HEADER

    @documented(header)
    def post(self, request: Request) -> Response:
        """The sandbox bank tells what has happened."""
        return self.receive(request)
