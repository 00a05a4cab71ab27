"""HTTP and sockets of one server process."""

import os

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "coupon_site.settings")
http = get_asgi_application()

from events.routing import websocket_urlpatterns  # noqa: E402  models exist only after the line above

application = ProtocolTypeRouter({"http": http, "websocket": AuthMiddlewareStack(URLRouter(websocket_urlpatterns))})
