"""Questions to the site itself."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import httpx
from prometheus_client.parser import text_string_to_metric_families
from websockets.sync.client import ClientConnection, connect

from monitoring.remote.server import RemoteError, Server
from monitoring.verification.check import Failed, NotAsked, Stack, check

NEEDED = {
    "web": {"http_requests", "http_request_duration_seconds", "process_cpu_seconds", "process_resident_memory_bytes"},
    "exporter": {"outbox_queued_total", "reconciliation_broken_rows"},
}
SOCKET = "/api/v1/realtime/ws"
STREAM = "/api/v1/realtime/sse"


@check("site", "health")
def health(stack: Stack) -> str:
    """Every process is alive and can do its work."""
    addresses = {"web": stack.site.url, **stack.processes}
    for name, address in addresses.items():
        for path in ("/livez", "/readyz"):
            try:
                Server(address, timeout=stack.patience).ask(path)
            except RemoteError as error:
                raise Failed(f"{name}: {error}") from error
    return f"{len(addresses)} processes are ready: {', '.join(addresses)}"


@check("site", "metrics")
def metrics(stack: Stack) -> str:
    """Every process tells its figures, in Prometheus' format, with the series that everybody knows."""
    counts = []
    for name, address in {"web": stack.site.url, **stack.processes}.items():
        headers = {**stack.site.headers, "Authorization": f"Bearer {stack.metrics_token}"} if name == "web" else {}
        text = Server(address, headers).ask("/metrics").text
        families = {family.name for family in text_string_to_metric_families(text)}
        if missing := NEEDED.get(name, {"process_cpu_seconds"}) - families:
            raise Failed(f"{name} lacks {', '.join(sorted(missing))}")
        counts.append(f"{name} {len(families)}")
    return f"families: {', '.join(counts)}"


@check("site", "metrics are closed")
def metrics_are_closed(stack: Stack) -> str:
    """Without its token web tells nothing."""
    answer = httpx.get(f"{stack.site.url}/metrics", headers=stack.site.headers, timeout=stack.patience, trust_env=False)
    if answer.status_code not in {401, 403, 404}:
        raise Failed(f"/metrics answers {answer.status_code} to anybody")
    return f"{answer.status_code} without the token"


@check("site", "front door")
def front_door(stack: Stack) -> str:
    """Through the proxy the site is reached, and its figures are not."""
    if not stack.public:
        raise NotAsked("name the proxy's address with --public")
    with httpx.Client(base_url=stack.public, timeout=stack.patience, trust_env=False, follow_redirects=True) as visitor:
        if (home := visitor.get("/")).status_code != httpx.codes.OK:
            raise Failed(f"/ answers {home.status_code}")
        for path in ("/metrics", "/monitoring/metrics", "/monitoring/benchmark"):
            if (status := visitor.get(path).status_code) != httpx.codes.NOT_FOUND:
                raise Failed(f"{path} answers {status} instead of 404")
    return "the site answers; /metrics and /monitoring/ are 404"


@check("site", "flags")
def flags(stack: Stack) -> str:
    """`GET /api/v1/flags/` is a dictionary of names and answers."""
    found = signed(stack).json("/api/v1/flags/")
    if not isinstance(found, dict) or not all(isinstance(value, bool) for value in found.values()):
        raise Failed(f"not a dictionary of flags: {str(found)[:100]}")
    return f"{len(found)} flags"


@check("site", "socket")
def socket(stack: Stack) -> str:
    """A client is welcomed, follows its channels and is answered."""
    with open_socket(stack) as connection:
        start = time.monotonic()
        connection.send(json.dumps({"type": "ping"}))
        channels = []
        for frame in frames(connection, stack.patience):
            if frame.get("type") == "subscribed":
                channels.append(frame["channel"])
            if frame.get("type") == "pong":
                took = 1000 * (time.monotonic() - start)
                return f"follows {', '.join(channels) or 'nothing'}; answered within {took:.0f} ms"
    raise Failed("no answer to a ping")


@check("site", "socket event")
def socket_event(stack: Stack) -> str:
    """An order's change reaches a client that is connected."""
    if not stack.buys:
        raise NotAsked("--buy buys something and waits for its event")
    with open_socket(stack) as connection:
        wait_for_frame(connection, stack.patience, type="subscribed", channel="events:orders")
        start = time.monotonic()
        order = buy(stack)
        for frame in frames(connection, stack.patience):
            if frame.get("channel") == "events:orders" and frame.get("data", {}).get("order") == order["id"]:
                return f"{order['number']}: {frame['data']['type']} after {time.monotonic() - start:.2f} s"
    raise Failed(f"order {order['number']} was made, and no event came within {stack.patience:.0f} s")


@check("site", "event stream")
def event_stream(stack: Stack) -> str:
    """The door for those who can't open sockets."""
    with httpx.stream(
        "GET", f"{stack.sockets}{STREAM}", headers=signature(stack), timeout=stack.patience, trust_env=False
    ) as answer:
        kind = answer.headers.get("content-type", "")
        if answer.status_code != httpx.codes.OK or not kind.startswith("text/event-stream"):
            raise Failed(f"{STREAM} answers {answer.status_code} {kind}")
        first = next((line for line in answer.iter_lines() if line), "")
    return f"opens with `{first[:40]}`"


# --- Signed in ---
def signature(stack: Stack) -> dict[str, str]:
    if not stack.token:
        raise NotAsked("an API token is needed: --token-file")
    return {**stack.site.headers, "Authorization": f"Bearer {stack.token}"}


def signed(stack: Stack) -> Server:
    return Server(stack.site.url, signature(stack), stack.patience)


@contextmanager
def open_socket(stack: Stack) -> Iterator[ClientConnection]:
    address = stack.sockets.replace("http", "ws", 1) + SOCKET
    with connect(
        address, additional_headers=signature(stack), open_timeout=stack.patience, close_timeout=1, proxy=None
    ) as connection:
        yield connection


def frames(connection: ClientConnection, seconds: float) -> Iterator[dict[str, Any]]:
    """What comes until the time is over."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        try:
            yield json.loads(connection.recv(timeout=left))
        except TimeoutError:
            return


def wait_for_frame(connection: ClientConnection, seconds: float, **fields: str) -> None:
    for frame in frames(connection, seconds):
        if frame.items() >= fields.items():
            return
    raise Failed(f"no {fields} within {seconds:.0f} s")


def buy(stack: Stack) -> dict[str, Any]:
    """One unit of the first sale that has any."""
    site = signed(stack)
    sales = [sale["id"] for sale in site.json("/api/v1/sales/")["results"]]
    left = next((sale for sale in sales if site.json(f"/api/v1/sales/{sale}/availability")["available"]), None)
    if left is None:
        raise NotAsked("nothing is on sale")
    lines = [{"sale": left, "quantity": 1}]
    keyed = Server(site.url, {**site.headers, "Idempotency-Key": str(uuid4())}, stack.patience)
    order: dict[str, Any] = keyed.json("/api/v1/orders/", method="POST", json={"lines": lines})
    return order
