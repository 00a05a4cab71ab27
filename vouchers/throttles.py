"""Limits for tills: how often they may scan, and how often they may be wrong; and for those who try gift links."""

from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.views import APIView

from coupon_site.api.throttles import WindowThrottle, count_more
from vouchers.models import ScannerDevice


class ScanThrottle(WindowThrottle):
    """Every scan of a till."""

    scope = "scan"

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        device = request.auth
        return f"throttle_{self.scope}_{device.pk}" if isinstance(device, ScannerDevice) else None


class GuessThrottle(ScanThrottle):
    """Codes that don't exist or belong to others: only they are counted, so that an honest till never notices."""

    scope = "guess"
    more = 0

    def count_guess(self, request: Request, view: APIView) -> None:
        """Remember one wrong code."""
        key = self.get_cache_key(request, view)
        if key and self.duration:
            count_more({key: 1}, seconds=self.duration)


class GiftThrottle(WindowThrottle):
    """Whoever asks for gift links, by address; for API and pages alike."""

    scope = "gift"

    def get_cache_key(self, request: Request | HttpRequest, view: APIView | None) -> str:
        return f"throttle_{self.scope}_{self.get_ident(request)}"  # type: ignore[arg-type]  # it reads META, which both have
