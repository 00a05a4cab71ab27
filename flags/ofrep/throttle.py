"""How often one caller may ask one process; counted in its memory, so that Redis is not asked for every evaluation."""

import time
from collections import OrderedDict

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

WINDOW_SECONDS = 60.0
REMEMBERED = 10_000


class PerCaller(BaseThrottle):
    """settings.OFREP_REQUESTS_PER_MINUTE in every minute that begins with a request. It comes after the permissions."""

    windows: OrderedDict[object, tuple[float, int]] = OrderedDict()

    def allow_request(self, request: Request, view: APIView) -> bool:
        now, caller = time.monotonic(), request.user.pk
        began, count = self.windows.get(caller, (now, 0))
        if now - began >= WINDOW_SECONDS:
            began, count = now, 0
        self.windows[caller] = began, count + 1
        if len(self.windows) > REMEMBERED:
            self.windows.popitem(last=False)
        self.seconds_left = WINDOW_SECONDS - (now - began)
        return count < settings.OFREP_REQUESTS_PER_MINUTE

    def wait(self) -> float:
        return self.seconds_left
