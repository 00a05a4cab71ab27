"""How often one caller may ask one process; counted in its memory, so that Redis is not asked for every evaluation."""

import time
from collections import OrderedDict

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

WINDOW_SECONDS = 60.0
REMEMBERED = 10_000


windows: OrderedDict[object, tuple[float, int]] = OrderedDict()


class PerCaller(BaseThrottle):
    """settings.OFREP_REQUESTS_PER_MINUTE in every minute that begins with a request. It comes after the permissions."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        count, self.seconds_left = count_one(request.user.pk)
        return count < settings.OFREP_REQUESTS_PER_MINUTE

    def wait(self) -> float:
        return self.seconds_left


def count_one(caller: object) -> tuple[int, float]:
    """One more request of a caller: how many came before it in its window, and the seconds that this one has left."""
    now = time.monotonic()
    began, count = windows.get(caller, (now, 0))
    if now - began >= WINDOW_SECONDS:
        began, count = now, 0
    windows[caller] = began, count + 1
    if len(windows) > REMEMBERED:
        windows.popitem(last=False)
    return count, WINDOW_SECONDS - (now - began)
