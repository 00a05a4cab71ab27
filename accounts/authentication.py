"""How requests say who they are: a session's cookie, or `Authorization: Bearer <token>`."""

import hmac
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import authentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.models import User
from accounts.queries import user_of_token

KEYWORD = "Bearer "


class BearerAuthentication(authentication.BaseAuthentication):
    """An API token."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        header = request.headers.get("Authorization", "")
        if not header.startswith(KEYWORD):
            return None
        user = user_of_token(header.removeprefix(KEYWORD).strip())
        if user is None:
            raise AuthenticationFailed("The token is unknown or revoked.")
        return user, None

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class SessionAuthentication(authentication.SessionAuthentication):
    """A browser's session, with its CSRF token on writes."""


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


class AlertmanagerScheme(OpenApiAuthenticationExtension):
    target_class = AlertmanagerAuthentication
    name = "alertmanager"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "The token of Alertmanager"}
