"""Who may do what, at which address."""

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from flags.rights import may_change

WRITES = frozenset({"POST", "PUT", "PATCH"})


def sees_all(request: Request) -> bool:
    """Flag editors do; others see the flags that are for clients."""
    return request.user.has_perm("flags.view_flag")


class MayViewFlags(BasePermission):
    def has_permission(self, request: Request, view: APIView) -> bool:
        return sees_all(request)


class MayChangeFlag(BasePermission):
    """Writes need the right to change the flag that the address names; reads are left to the view."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return request.method not in WRITES or may_change(request.user, view.kwargs["name"])
