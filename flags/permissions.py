"""Views of the API behind a flag."""

from django.http import Http404
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from flags.evaluation import is_enabled


def flag_enabled(name: str, *, default: bool | None = None) -> type[BasePermission]:
    """A permission: the view is there while the flag is on for whoever asks, and answers 404 otherwise."""

    class FlagEnabled(BasePermission):
        def has_permission(self, request: Request, view: APIView) -> bool:
            if not is_enabled(name, default):
                raise Http404
            return True

    return FlagEnabled
