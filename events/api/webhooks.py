"""Endpoints of shop fronts and deliveries to them, for operators."""

from collections.abc import Callable
from typing import Any

import django_filters
from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts.models import User
from coupon_site.api import PROBLEM_RESPONSES, ProblemOut, PublicIdLookup, StrictSerializer, idempotent
from coupon_site.api.idempotency import KEY_PARAMETER
from coupon_site.api.permissions import holds
from coupon_site.api.problems import CONTENT_TYPE
from events.models import DeliveryState, WebhookDelivery, WebhookEndpoint
from events.queries import endpoints_with_health
from events.services import webhooks

REFUSED = {("409", CONTENT_TYPE): ProblemOut, ("422", CONTENT_TYPE): ProblemOut}


class TopicsField(serializers.ListField):
    """`["order.paid", "voucher.*"]`, or `["*"]`."""

    child = serializers.CharField(max_length=100)

    def __init__(self, **options: Any) -> None:
        super().__init__(min_length=1, max_length=100, **options)


class EndpointIn(StrictSerializer):
    url = serializers.CharField(max_length=500, help_text="https, and reachable from the internet")
    topics = TopicsField(help_text="Names of events; `order.*` is every event of orders, `*` is all")
    description = serializers.CharField(max_length=200, allow_blank=True, required=False)


class EndpointChange(EndpointIn):
    url = serializers.CharField(max_length=500, required=False)
    topics = TopicsField(required=False)


class EndpointOut(serializers.ModelSerializer[WebhookEndpoint]):
    """The last day's deliveries are counted; `failing_since` is the first failure after the last success."""

    id = serializers.UUIDField(source="public_id")
    topics = TopicsField()
    last_success_at = serializers.DateTimeField(allow_null=True)
    delivered = serializers.IntegerField(help_text="In the last 24 hours")
    failed = serializers.IntegerField(help_text="Given up in the last 24 hours")
    waiting = serializers.IntegerField(help_text="Not delivered yet")

    class Meta:
        model = WebhookEndpoint
        fields = [
            "id", "url", "description", "topics", "state", "disabled_reason", "failing_since", "last_success_at",
            "delivered", "failed", "waiting", "old_secret_ends_at", "created_at",
        ]  # fmt: skip


class EndpointWithSecretOut(EndpointOut):
    secret = serializers.SerializerMethodField(help_text="Shown this once: a repeated request gets null")

    class Meta(EndpointOut.Meta):
        fields = [*EndpointOut.Meta.fields, "secret"]

    def get_secret(self, endpoint: WebhookEndpoint) -> str | None:
        """What is kept to be repeated leaves it out."""
        return None


class DeliveryOut(serializers.ModelSerializer[WebhookDelivery]):
    """One event for one endpoint. `body` is what is sent, to the byte."""

    id = serializers.UUIDField(source="public_id")
    endpoint = serializers.UUIDField(source="endpoint.public_id")

    class Meta:
        model = WebhookDelivery
        fields = [
            "id", "endpoint", "event_id", "event_type", "body", "state", "attempts", "next_at", "last_status",
            "last_error", "response_excerpt", "duration_ms", "log", "created_at", "finished_at",
        ]  # fmt: skip


@extend_schema_view(
    list=extend_schema(responses={200: EndpointOut(many=True), **PROBLEM_RESPONSES}),
    retrieve=extend_schema(responses={200: EndpointOut, **PROBLEM_RESPONSES}),
)
class WebhookEndpointViewSet(PublicIdLookup, ListModelMixin, RetrieveModelMixin, GenericViewSet[WebhookEndpoint]):
    """Addresses that hear of events by HTTP."""

    serializer_class = EndpointOut
    filter_backends = ()
    permission_classes = [
        holds(
            list="events.view_webhookendpoint",
            retrieve="events.view_webhookendpoint",
            create="events.add_webhookendpoint",
            partial_update="events.change_webhookendpoint",
            destroy="events.delete_webhookendpoint",
            rotate="events.change_webhookendpoint",
            enable="events.change_webhookendpoint",
            disable="events.change_webhookendpoint",
            test="events.change_webhookendpoint",
        )
    ]

    def get_queryset(self) -> QuerySet[WebhookEndpoint]:
        return endpoints_with_health(at=timezone.now())

    @extend_schema(
        parameters=[KEY_PARAMETER],
        request=EndpointIn,
        responses={201: EndpointWithSecretOut, **PROBLEM_RESPONSES, **REFUSED},
    )
    def create(self, request: Request) -> HttpResponseBase:
        """Subscribe an address. The secret is in this answer only."""
        return with_secret(self.keep, request)

    @idempotent
    def keep(self, request: Request, secret: list[str]) -> Response:
        data = EndpointIn(data=request.data)
        data.is_valid(raise_exception=True)
        endpoint, text = webhooks.create_endpoint(**data.validated_data, actor=user_of(request))
        secret.append(text)
        return self.answer(endpoint, EndpointWithSecretOut, status=status.HTTP_201_CREATED)

    @extend_schema(request=EndpointChange, responses={200: EndpointOut, **PROBLEM_RESPONSES, **REFUSED})
    def partial_update(self, request: Request, **lookup: Any) -> Response:
        """Change address, topics or description."""
        endpoint = self.get_object()
        data = EndpointChange(data=request.data)
        data.is_valid(raise_exception=True)
        return self.answer(webhooks.change_endpoint(endpoint=endpoint, **data.validated_data))

    @extend_schema(request=None, responses={204: None, **PROBLEM_RESPONSES})
    def destroy(self, request: Request, **lookup: Any) -> Response:
        """Remove an address with its deliveries."""
        webhooks.delete_endpoint(endpoint=self.get_object())
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        parameters=[KEY_PARAMETER],
        request=None,
        responses={200: EndpointWithSecretOut, **PROBLEM_RESPONSES, **REFUSED},
    )
    @action(detail=True, methods=["post"])
    def rotate(self, request: Request, **lookup: Any) -> HttpResponseBase:
        """A new secret, in this answer only; the one before signs as well for a day."""
        return with_secret(self.change_secret, request)

    @idempotent
    def change_secret(self, request: Request, secret: list[str]) -> Response:
        endpoint = self.get_object()
        secret.append(webhooks.rotate_secret(endpoint=endpoint, at=timezone.now()))
        return self.answer(endpoint, EndpointWithSecretOut)

    @extend_schema(request=None, responses={200: EndpointOut, **PROBLEM_RESPONSES, **REFUSED})
    @action(detail=True, methods=["post"])
    def disable(self, request: Request, **lookup: Any) -> Response:
        """Send nothing more; what waits, waits."""
        endpoint = self.get_object()
        webhooks.disable_endpoint(endpoint=endpoint, reason="By an operator", actor=user_of(request))
        return self.answer(endpoint)

    @extend_schema(request=None, responses={200: EndpointOut, **PROBLEM_RESPONSES, **REFUSED})
    @action(detail=True, methods=["post"])
    def enable(self, request: Request, **lookup: Any) -> Response:
        """Send again, what waits first."""
        endpoint = self.get_object()
        webhooks.enable_endpoint(endpoint=endpoint, actor=user_of(request))
        return self.answer(endpoint)

    @extend_schema(request=None, responses={202: DeliveryOut, **PROBLEM_RESPONSES, **REFUSED})
    @action(detail=True, methods=["post"])
    @idempotent
    def test(self, request: Request, /, **lookup: Any) -> Response:
        """Send an event that means nothing; its delivery tells what came of it."""
        delivery = webhooks.send_test(endpoint=self.get_object(), at=timezone.now())
        return Response(DeliveryOut(delivery).data, status=status.HTTP_202_ACCEPTED)

    def answer(
        self, endpoint: WebhookEndpoint, form: type[EndpointOut] = EndpointOut, *, status: int = 200
    ) -> Response:
        """The endpoint as it is now, with its figures."""
        return Response(form(self.get_queryset().get(pk=endpoint.pk)).data, status=status)


class DeliveryFilter(django_filters.FilterSet):
    """`?endpoint=<id>&state=failed&event_type=order.paid`."""

    endpoint = django_filters.UUIDFilter(field_name="endpoint__public_id")
    state = django_filters.ChoiceFilter(choices=DeliveryState.choices)
    event_type = django_filters.CharFilter()


@extend_schema_view(
    list=extend_schema(responses={200: DeliveryOut(many=True), **PROBLEM_RESPONSES}),
    retrieve=extend_schema(responses={200: DeliveryOut, **PROBLEM_RESPONSES}),
)
class WebhookDeliveryViewSet(PublicIdLookup, ListModelMixin, RetrieveModelMixin, GenericViewSet[WebhookDelivery]):
    """What was sent to whom, and what was answered."""

    serializer_class = DeliveryOut
    filterset_class = DeliveryFilter
    permission_classes = [
        holds(
            list="events.view_webhookdelivery",
            retrieve="events.view_webhookdelivery",
            replay="events.change_webhookdelivery",
        )
    ]
    queryset = WebhookDelivery.objects.select_related("endpoint")

    @extend_schema(request=None, responses={200: DeliveryOut, **PROBLEM_RESPONSES, **REFUSED}, filters=False)
    @action(detail=True, methods=["post"])
    def replay(self, request: Request, **lookup: Any) -> Response:
        """Send a delivery that has ended again, with the same `webhook-id`."""
        delivery = self.get_object()
        webhooks.replay_delivery(delivery=delivery, actor=user_of(request), at=timezone.now())
        return Response(DeliveryOut(delivery).data)


def with_secret(method: Callable[[Request, list[str]], HttpResponseBase], request: Request) -> HttpResponseBase:
    """Call an idempotent method, and show the secret that it has made in this answer only."""
    secret: list[str] = []
    answer = method(request, secret)
    if isinstance(answer, Response) and secret:
        answer.data = {**answer.data, "secret": secret[0]}
    return answer


def user_of(request: Request) -> User:
    assert isinstance(request.user, User)  # noqa: S101  permissions let nobody else in
    return request.user
