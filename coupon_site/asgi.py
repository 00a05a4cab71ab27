"""HTTP and sockets of one server process."""

import os
from typing import Any

from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.urls import re_path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "coupon_site.settings")
django: Any = get_asgi_application()

from coupon_site.api.hot import HotDoor  # noqa: E402
from coupon_site.checks import refuse_unsafe_settings  # noqa: E402  models exist only after the line above
from coupon_site.daphne_forms import leave_forms_to_django  # noqa: E402
from coupon_site.process import serve_metrics_port  # noqa: E402
from coupon_site.to_the_end import ToTheEnd  # noqa: E402
from events.routing import websocket_urlpatterns  # noqa: E402
from events.sse import EventStreamDoor  # noqa: E402
from flags.hot import FlagBulk, FlagList  # noqa: E402
from flags.ofrep.stream import FlagStreamDoor  # noqa: E402
from monitoring.faults import PastTheDoor  # noqa: E402
from monitoring.middleware import observe  # noqa: E402
from monitoring.processes import start_reporting  # noqa: E402
from orders.api.burst import BurstDoor  # noqa: E402
from orders.api.hot import SaleAvailability  # noqa: E402


async def refuse(scope: Any, receive: Any, send: Any) -> None:
    """No socket lives at this address."""
    await receive()
    await send({"type": "websocket.close"})


refuse_unsafe_settings()
leave_forms_to_django()
django = ToTheEnd(django)
addresses: list[Any] = [*websocket_urlpatterns, re_path(r"", refuse)]  # type: ignore[arg-type]  # Channels' own routes
reads: list[Any] = [SaleAvailability(), FlagList(), FlagBulk()]
http: Any = HotDoor(EventStreamDoor(FlagStreamDoor(django)), reads=reads, observe=observe)
http = BurstDoor(http, observe=observe)
if settings.FAULTS:
    http = PastTheDoor(http, django)
application = ProtocolTypeRouter({"http": http, "websocket": URLRouter(addresses)})
start_reporting()
serve_metrics_port()
