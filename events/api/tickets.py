"""`POST /api/v1/realtime/ticket`."""

import hashlib
from typing import Any, cast

from drf_spectacular.utils import extend_schema
from redis.exceptions import RedisError
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import KEYWORD
from accounts.models import User
from coupon_site.api import PROBLEM_RESPONSES
from events.errors import TicketsUnavailable
from events.tickets import LIFE_SECONDS, PREFIX, PROTOCOL, Identity, issue


class TicketOut(serializers.Serializer[dict[str, Any]]):
    """`new WebSocket(address, protocols)` is then signed in."""

    ticket = serializers.CharField()
    expires_in = serializers.IntegerField(help_text="Seconds")
    protocols = serializers.ListField(child=serializers.CharField(), help_text="Sub-protocols to open the socket with")


class TicketView(APIView):
    """A ticket opens one socket, for whoever asked for it, within a minute."""

    @extend_schema(summary="A ticket for one WebSocket", request=None, responses={201: TicketOut, **PROBLEM_RESPONSES})
    def post(self, request: Request) -> Response:
        try:
            ticket = issue(identity_of(request))
        except RedisError as error:
            raise TicketsUnavailable from error
        body = {"ticket": ticket, "expires_in": LIFE_SECONDS, "protocols": [PROTOCOL, PREFIX + ticket]}
        return Response(TicketOut(body).data, status=status.HTTP_201_CREATED, headers={"Cache-Control": "no-store"})


def identity_of(request: Request) -> Identity:
    """What the request was signed in by: when that ends, so does the socket."""
    user, header = cast(User, request.user).pk, request.headers.get("Authorization", "")
    if header.startswith(KEYWORD):
        text = header.removeprefix(KEYWORD).strip()
        return Identity(user=user, token=hashlib.sha256(text.encode()).hexdigest())
    return Identity(user=user, session_key=request.session.session_key or "")
