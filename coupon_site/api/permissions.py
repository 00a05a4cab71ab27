"""Who may call an operators' endpoint."""

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request


def holds(**permissions: str) -> type[BasePermission]:
    """A permission class for viewsets: action name → the Django permission it needs; what isn't named is closed."""

    class Holds(BasePermission):
        def has_permission(self, request: Request, view: Any) -> bool:
            if view.action is None:
                return True  # a method that the address does not have: 405, whoever asks
            needed = permissions.get(view.action)
            return bool(needed and request.user.is_authenticated and request.user.has_perm(needed))

    return Holds
