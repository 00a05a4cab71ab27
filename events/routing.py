"""The addresses of the sockets."""

from django.urls import URLPattern, path

from events.consumers import RealtimeConsumer

websocket_urlpatterns: list[URLPattern] = [
    path("api/v1/realtime/ws", RealtimeConsumer.as_asgi()),  # type: ignore[arg-type]  # the stubs know views only
    # The same door for pages that show figures only: it follows no channel unless asked.
    path("api/v1/monitoring/ws", RealtimeConsumer.as_asgi(endpoint="monitoring", follows_by_default=False)),  # type: ignore[arg-type]  # the same
]
