"""How requests say who they are: a session's cookie, or `Authorization: Bearer <token>`."""

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
