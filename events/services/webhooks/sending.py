"""One POST to an address that somebody else chose: checked, bounded in time and in what is read, never redirected."""

import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache

import httpcore
import httpx
from django.conf import settings
from httpcore import SOCKET_OPTION

from events.errors import AddressRefused
from events.services.webhooks.addresses import Target, addresses_of, target_of

EXCERPT_BYTES = 2048


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What an endpoint answered; without a status it did not, and `error` says why."""

    seconds: float
    status: int | None = None
    error: str = ""
    excerpt: str = ""
    retry_after: float = 0.0

    @property
    def ok(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def post(url: str, *, headers: Mapping[str, str], body: str) -> Answer:
    """Send, and tell what came of it. Raises nothing that is the endpoint's fault."""
    started = time.monotonic()
    try:
        status, answered, excerpt = exchange(target_of(url), headers, body.encode())
    except httpcore.TimeoutException:
        error = f"no answer within {settings.WEBHOOK_TIMEOUT_SECONDS:g} s"
    except (httpcore.NetworkError, httpcore.ProtocolError, AddressRefused) as refusal:
        error = f"{type(refusal).__name__}: {refusal}".replace("\x00", "")
    else:
        return Answer(
            seconds=time.monotonic() - started,
            status=status,
            error="" if 200 <= status < 300 else f"answered {status}",
            excerpt=excerpt.decode(errors="replace").replace("\x00", ""),
            retry_after=seconds_of(answered.get("retry-after", "")),
        )
    return Answer(seconds=time.monotonic() - started, error=error)


def exchange(target: Target, headers: Mapping[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and the beginning of the answer."""
    network = CheckedNetwork(until=time.monotonic() + settings.WEBHOOK_TIMEOUT_SECONDS)
    url = httpcore.URL(
        scheme=target.scheme.encode(), host=target.host.encode(), port=target.port, target=target.path.encode()
    )
    own = {"Host": target.netloc, "Content-Type": "application/json", "User-Agent": "coupon-site-webhooks"}
    sent = [(name.encode(), value.encode()) for name, value in {**own, **headers}.items()]
    with (
        httpcore.ConnectionPool(ssl_context=tls(), network_backend=network, max_keepalive_connections=0) as pool,
        pool.stream("POST", url, headers=sent, content=body) as response,
    ):
        excerpt = b""
        for chunk in response.iter_stream():
            excerpt += chunk
            if len(excerpt) >= EXCERPT_BYTES:
                break
        answered = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
        return response.status, answered, excerpt[:EXCERPT_BYTES]


@cache
def tls() -> ssl.SSLContext:
    """Reading the certificates of all authorities takes longer than sending."""
    return httpx.create_ssl_context()


class CheckedNetwork(httpcore.SyncBackend):
    """Resolves a name once and connects to what was found good: another answer a moment later changes nothing."""

    def __init__(self, *, until: float) -> None:
        self.until = until

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in addresses_of(host, port):
            try:
                return TimedStream(super().connect_tcp(address, port, left(self.until)), until=self.until)
            except httpcore.ConnectError as error:
                failure = error
        raise failure


class TimedStream(httpcore.NetworkStream):
    """A connection with one time limit for all that is read and written: a trickle of bytes does not prolong it."""

    def __init__(self, stream: httpcore.NetworkStream, *, until: float) -> None:
        self.stream = stream
        self.until = until

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self.stream.read(max_bytes, left(self.until))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.stream.write(buffer, left(self.until))

    def close(self) -> None:
        self.stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        secured = self.stream.start_tls(ssl_context, server_hostname, left(self.until))
        return TimedStream(secured, until=self.until)

    def get_extra_info(self, info: str) -> object:
        return self.stream.get_extra_info(info)


def left(until: float) -> float:
    """The seconds that are left. Raises httpcore.ReadTimeout when there are none."""
    seconds = until - time.monotonic()
    if seconds <= 0:
        raise httpcore.ReadTimeout
    return seconds


def seconds_of(retry_after: str) -> float:
    """`Retry-After` in seconds: a number, or a moment; 0 for anything else."""
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after[:10])
    try:
        moment = parsedate_to_datetime(retry_after)
    except ValueError:
        return 0.0
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
