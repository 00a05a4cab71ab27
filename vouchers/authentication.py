"""Tills sign in by key: `Authorization: Device <key>`."""

from django.contrib.auth.models import AnonymousUser
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from vouchers.models import ScannerDevice
from vouchers.queries import device_of_key

SCHEME = b"device"


class DeviceAuthentication(BaseAuthentication):
    """The till becomes `request.auth`; there is no user. A revoked one is known, and told so by the services."""

    def authenticate(self, request: Request) -> tuple[AnonymousUser, ScannerDevice] | None:
        scheme, _, key = get_authorization_header(request).partition(b" ")
        if scheme.lower() != SCHEME:
            return None
        device = device_of_key(key.decode("latin-1").strip())
        if device is None:
            raise AuthenticationFailed("This till is not known.")
        return AnonymousUser(), device

    def authenticate_header(self, request: Request) -> str:
        return "Device"


class IsDevice(BasePermission):
    """Tills only."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.auth, ScannerDevice)
