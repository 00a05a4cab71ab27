"""Lines on Grafana's dashboards for what the site does: deployments, flags."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

import httpx
from django.conf import settings

from coupon_site.upstream import CountedTransport
from events.errors import Defer

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 5
RETRY_SECONDS = 60
# A line that could not be drawn for so long is given up: nobody is to be woken for it.
PATIENCE = timedelta(hours=1)


def annotate(*, key: str, text: str, tags: Sequence[str], happened_at: datetime, at: datetime) -> bool:
    """Draw a line at `happened_at`, once per key. Answers whether it was drawn now; without a Grafana it never is.

    Raises Defer while Grafana is away.
    """
    if not settings.GRAFANA_URL:
        return False
    try:
        with client() as grafana:
            return draw(grafana, f"id:{key}", text=text, tags=tags, happened_at=happened_at)
    except httpx.HTTPStatusError as error:
        if error.response.is_client_error:
            logger.warning("Grafana refuses annotations: %s", error)
            return False
        return put_off(error, since=at - happened_at)
    except httpx.HTTPError as error:
        return put_off(error, since=at - happened_at)


def draw(grafana: httpx.Client, key: str, *, text: str, tags: Sequence[str], happened_at: datetime) -> bool:
    """Grafana takes the same annotation any number of times: it is asked first."""
    drawn = grafana.get("/api/annotations", params={"tags": key, "limit": 1}).raise_for_status()
    if drawn.json():
        return False
    moment = int(happened_at.timestamp() * 1000)
    annotation = {"time": moment, "text": text, "tags": [*tags, key]}
    grafana.post("/api/annotations", json=annotation).raise_for_status()
    return True


def put_off(error: httpx.HTTPError, *, since: timedelta) -> bool:
    if since < PATIENCE:
        raise Defer(RETRY_SECONDS, f"Grafana: {error}") from error
    logger.warning("An annotation is given up after %s: %s", since, error)
    return False


def client() -> httpx.Client:
    return httpx.Client(
        base_url=settings.GRAFANA_URL,
        headers={"Authorization": f"Bearer {settings.GRAFANA_TOKEN}"},
        timeout=TIMEOUT_SECONDS,
        transport=CountedTransport("grafana"),
    )
