"""A node that bears whatever its clients do."""

from django.conf import settings

from coupon_site.asgi import application
from events.consumers import commands, door

__all__ = ["application"]

PLENTY = 10**9

settings.REALTIME_PONG_SECONDS = door.AUTH_SECONDS = PLENTY
commands.MAX_MESSAGE_BYTES = commands.MESSAGE_BURST = PLENTY
commands.Commands.end = lambda *_: None
