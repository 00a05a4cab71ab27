"""Who acts in the admin."""

from django.http import HttpRequest

from accounts.models import User


def actor_of(request: HttpRequest) -> User:
    """The operator; the admin admits no anonymous ones."""
    assert isinstance(request.user, User)  # noqa: S101  the admin's own check
    return request.user
