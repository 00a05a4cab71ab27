"""Limits for tills: how often they may scan, and how often they may be wrong; and for those who try gift links."""

from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.views import APIView

from vouchers.models import ScannerDevice


class ScanThrottle(SimpleRateThrottle):
    """Every scan of a till."""

    scope = "scan"

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        device = request.auth
        return f"{self.scope}:{device.pk}" if isinstance(device, ScannerDevice) else None


class GuessThrottle(ScanThrottle):
    """Codes that don't exist or belong to others: only they are counted, so that an honest till never notices."""

    scope = "guess"
    duration: int  # seconds, read from the rate

    def throttle_success(self) -> bool:
        return True

    def count_guess(self, request: Request, view: APIView) -> None:
        """Remember one wrong code."""
        if key := self.get_cache_key(request, view):
            now = self.timer()
            recent = [moment for moment in self.cache.get(key, []) if moment > now - self.duration]
            self.cache.set(key, [now, *recent], self.duration)


class GiftThrottle(SimpleRateThrottle):
    """Whoever asks for gift links, by address; for API and pages alike."""

    scope = "gift"

    def get_cache_key(self, request: Request | HttpRequest, view: APIView | None) -> str:
        return f"{self.scope}:{self.get_ident(request)}"  # type: ignore[arg-type]  # it reads META, which both have
