"""How often one caller may ask one process; counted in its memory, so that Redis is not asked for every evaluation."""

from typing import cast

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from accounts.models import User
from coupon_site.api.throttles import Windows

WINDOW_SECONDS = 60.0
windows = Windows()


class PerCaller(BaseThrottle):
    """settings.OFREP_REQUESTS_PER_MINUTE in every minute that begins with a request. It comes after the permissions."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        caller = cast(User, request.user).public_id
        count, self.seconds_left = windows.count(caller, seconds=WINDOW_SECONDS)
        return count <= settings.OFREP_REQUESTS_PER_MINUTE

    def wait(self) -> float:
        return self.seconds_left
