"""A node that keeps whatever a client does not read, for as long as it lasts: what a server does that only sends."""

from django.conf import settings

from coupon_site.asgi import application
from events.hub import connection, hub, keeper, unread

__all__ = ["application"]

PLENTY = 10**12

settings.REALTIME_MAX_QUEUE = settings.REALTIME_MAX_QUEUE_BYTES = settings.REALTIME_PONG_SECONDS = PLENTY
unread.MAX_FRAMES = unread.MAX_BYTES = PLENTY
connection.SERVER_BUFFER_BYTES = keeper.LADEN_BYTES = PLENTY
hub.PATIENCE_SECONDS = 0.0
