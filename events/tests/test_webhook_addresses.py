"""Where webhooks may go."""

import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpcore
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.utils import timezone
from pytest_django import Settings

from events.errors import AddressRefused
from events.models import DeliveryState, WebhookDelivery, WebhookEndpoint
from events.services.webhooks import addresses, check_url, create_endpoint, deliver_due, sending
from events.services.webhooks.signing import new_secret, seal
from events.tests.clients import tell
from events.tests.receiver import Receiver
from events.tests.samples import Moved

PRIVATE = [
    "0.0.0.0",  # noqa: S104  nothing listens here
    "127.0.0.1", "127.255.255.254", "0.1.2.3", "10.0.0.8", "172.16.0.1", "172.31.255.255", "192.168.1.1",
    "169.254.169.254", "100.64.0.1", "100.127.255.255", "192.0.0.1", "192.0.2.7", "192.88.99.1", "198.18.0.1",
    "198.51.100.1", "203.0.113.9", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:10.0.0.1", "64:ff9b::7f00:1",
    "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "3fff::1", "5f00::1", "fc00::1",
    "fd12:3456::1", "fe80::1", "fe80::1%1", "fec0::1", "ff02::1",
]  # fmt: skip
PUBLIC = ["8.8.8.8", "93.184.216.34", "172.32.0.1", "100.128.0.1", "192.169.0.1", "2606:4700::1111", "2a00:1450::1"]

Answers = dict[str, list[str]]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """What DNS answers; IP addresses answer for themselves, anything else is unknown."""
    answers: Answers = {}
    really = socket.getaddrinfo

    def look_up(host: str, port: int, *rest: Any, **options: Any) -> list[Any]:
        if host in answers:
            return [(None, None, None, "", (address, port)) for address in answers[host]]
        return really(str(host), port, *rest, **{**options, "flags": socket.AI_NUMERICHOST})

    monkeypatch.setattr(addresses.socket, "getaddrinfo", look_up)
    return answers


@pytest.mark.parametrize("address", PRIVATE)
def test_address_that_is_not_public__is_refused(names: Answers, address: str) -> None:
    names["shop.example"] = [address]

    assert not addresses.is_public(address)
    with pytest.raises(AddressRefused, match="not on the public internet"):
        check_url("https://shop.example/")


@pytest.mark.parametrize("address", PUBLIC)
def test_public_address__is_taken(names: Answers, address: str) -> None:
    names["shop.example"] = [address]

    assert check_url("https://shop.example/") == "https://shop.example/"


def test_one_private_address_among_public_ones__is_enough_to_refuse(names: Answers) -> None:
    names["shop.example"] = ["8.8.8.8", "10.0.0.1"]

    with pytest.raises(AddressRefused):
        check_url("https://shop.example/")


@pytest.mark.parametrize(
    "host", ["127.1", "2130706433", "0x7f000001", "0177.0.0.1", "localhost", "[::1]", "127.0.0.1."]
)
def test_loopback_in_disguise__is_refused(host: str) -> None:
    """By the machine's own resolver."""
    with pytest.raises(AddressRefused):
        check_url(f"https://{host}/")


@pytest.mark.parametrize(
    "url",
    [
        "", "shop.example", "//shop.example/", "http://shop.example/", "ftp://shop.example/", "file:///etc/passwd",
        "gopher://shop.example/", "javascript:alert(1)", "https://", "https:///path", "https://me:secret@shop.example/",
        "https://shop.example@internal.example/", "https://shop.example:0/", "https://shop.example:99999/",
        "https://shop.example:port/", "https://shop.example /", "https://shop.example/\r\nHost: x", "https://[::1/",
        "https://shop.example\\@internal.example/", "https://shop..example/", f"https://{'a' * 300}.example/",
        "https://\u2100.example\u3002/", "https://unknown.example/",
    ],
    ids=range(23),
)  # fmt: skip
def test_malformed_address__is_refused(names: Answers, url: str) -> None:
    names["shop.example"] = names["internal.example"] = ["8.8.8.8"]

    with pytest.raises(AddressRefused):
        check_url(url)


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://Shop.Example", "https://shop.example/"),
        ("https://shop.example:443/a?b=c#d", "https://shop.example/a?b=c"),
        ("https://shop.example:8443/a", "https://shop.example:8443/a"),
        ("https://bücher.example/über?q=ä", "https://xn--bcher-kva.example/%C3%BCber?q=%C3%A4"),
        ("https://shop.example/a%20b?c=%2F", "https://shop.example/a%20b?c=%2F"),
        ("https://[2606:4700::1111]:8443/", "https://[2606:4700::1111]:8443/"),
    ],
    ids=["bare", "default port", "port", "international", "escaped", "IPv6"],
)
def test_address__is_kept_in_its_plain_form(names: Answers, url: str, kept: str) -> None:
    names["shop.example"] = names["xn--bcher-kva.example"] = ["8.8.8.8"]

    assert check_url(url) == kept


def test_private_address_without_tls__is_taken_where_that_is_allowed(settings: Settings) -> None:
    settings.WEBHOOK_PRIVATE_ADDRESSES = True

    assert check_url("http://127.0.0.1:8000/hooks") == "http://127.0.0.1:8000/hooks"


# --- At each delivery ------------------------------------------------------------------------------------------------
@pytest.fixture
def endpoint(db: None) -> WebhookEndpoint:
    return WebhookEndpoint.objects.create(url="https://shop.example/", topics=["*"], secret=seal(new_secret()))


def test_name_that_has_come_to_lead_inside__is_refused_when_sending(names: Answers, endpoint: WebhookEndpoint) -> None:
    names["shop.example"] = ["169.254.169.254"]
    tell(Moved(thing=uuid4(), step=1))

    deliver_due(at=timezone.now())

    delivery = WebhookDelivery.objects.get()
    assert delivery.state == DeliveryState.PENDING
    assert delivery.last_error == (
        "AddressRefused: shop.example leads to 169.254.169.254, which is not on the public internet."
    )


def test_name_that_answers_otherwise_a_moment_later__is_asked_once_and_the_checked_address_is_used(
    endpoint: WebhookEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    connected: list[str] = []

    def rebind(host: str, port: int, **options: Any) -> list[Any]:
        asked.append(host)
        return [(None, None, None, "", ("8.8.8.8" if len(asked) == 1 else "127.0.0.1", port))]

    def connect(self: object, host: str, port: int, *rest: Any, **options: Any) -> None:
        connected.append(host)
        raise httpcore.ConnectError("nobody there")

    monkeypatch.setattr(addresses.socket, "getaddrinfo", rebind)
    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connect)
    tell(Moved(thing=uuid4(), step=1))

    deliver_due(at=timezone.now())

    assert (asked, connected) == (["shop.example"], ["8.8.8.8"])


def test_proxy_of_the_environment__is_not_used(receiver: Receiver, monkeypatch: pytest.MonkeyPatch, db: None) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    create_endpoint(url=receiver.url, topics=["*"])
    tell(Moved(thing=uuid4(), step=1))

    deliver_due(at=timezone.now())

    assert len(receiver.calls) == 1


# --- TLS to a pinned address -----------------------------------------------------------------------------------------
@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Of shop.example, signed by itself; key and certificate in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "shop.example")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("shop.example")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "shop.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return file


@pytest.fixture
def tls_receiver(receiver: Receiver, certificate: Path, names: Answers, monkeypatch: pytest.MonkeyPatch) -> Receiver:
    """A receiver that proves to be shop.example, to whom trusts its certificate."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate)
    receiver.socket = server.wrap_socket(receiver.socket, server_side=True)
    monkeypatch.setattr(sending, "tls", lambda: ssl.create_default_context(cafile=str(certificate)))
    names["shop.example"] = names["other.example"] = ["127.0.0.1"]
    return receiver


@pytest.mark.django_db
@pytest.mark.parametrize(("host", "heard"), [("shop.example", 1), ("other.example", 0)], ids=["its name", "another"])
def test_certificate__is_checked_against_the_name_not_the_address(
    tls_receiver: Receiver, host: str, heard: int
) -> None:
    create_endpoint(url=f"https://{host}:{tls_receiver.server_port}/hooks", topics=["*"])
    tell(Moved(thing=uuid4(), step=1))

    deliver_due(at=timezone.now())

    delivery = WebhookDelivery.objects.get()
    assert (delivery.state == DeliveryState.DELIVERED) == bool(heard), delivery.last_error
    assert ("certificate" in delivery.last_error) == (not heard)
    assert [call.headers["host"] for call in tls_receiver.calls] == [f"{host}:{tls_receiver.server_port}"] * heard
