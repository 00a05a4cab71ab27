"""Where webhooks may go: never into the site's own network, whatever a name resolves to and whenever it does."""

import socket
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from urllib.parse import SplitResult, quote, urlsplit

import idna
from django.conf import settings

from events.errors import AddressRefused

PORTS = {"http": 80, "https": 443}
KEPT_IN_PATHS = "/%:@!$&'()*+,;=~-._?"
# Global by the registry, and yet a way into other networks: relays and translators of IPv4, benchmarks, documentation.
DETOURS = [
    ip_network(each)
    for each in (
        *("192.0.0.0/24", "192.88.99.0/24"),
        *("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "3fff::/20", "5f00::/16"),
    )
]


@dataclass(frozen=True, kw_only=True)
class Target:
    """An address of an endpoint in its parts; `host` is ASCII, or an IP address without brackets."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def netloc(self) -> str:
        """As the header `Host` has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.netloc}{self.path}"


def target_of(url: str) -> Target:
    """The parts of an address that webhooks may go to, as far as its text tells. Raises AddressRefused."""
    if any(character <= " " or character in "\\\x7f" for character in url):
        raise AddressRefused("The address holds spaces or characters that have no place in it.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise AddressRefused(f"This is no address: {error}.") from error
    refuse_form(parts, port)
    path = quote(parts.path or "/", safe=KEPT_IN_PATHS)
    query = f"?{quote(parts.query, safe=KEPT_IN_PATHS)}" if parts.query else ""
    return Target(scheme=parts.scheme, host=ascii_host(host), port=port or PORTS[parts.scheme], path=path + query)


def refuse_form(parts: SplitResult, port: int | None) -> None:
    """Raises AddressRefused for what no address of an endpoint may have."""
    if parts.scheme not in PORTS:
        raise AddressRefused("The address begins with neither https:// nor http://.")
    if parts.scheme == "http" and not settings.WEBHOOK_PRIVATE_ADDRESSES:
        raise AddressRefused("Webhooks go over https only.")
    if "@" in parts.netloc:
        raise AddressRefused("The address holds a name or a password: what is sent is signed instead.")
    if port == 0:
        raise AddressRefused("There is no port 0.")


def ascii_host(host: str) -> str:
    """The host as DNS knows it. Raises AddressRefused."""
    try:
        name = host if host.isascii() else idna.encode(host, uts46=True).decode()
    except idna.IDNAError as error:
        raise AddressRefused(f"{host} is no name of a host: {error}.") from error
    if not name or len(name) > 253:
        raise AddressRefused("The address names no host.")
    return name


def check_url(url: str) -> str:
    """The address in its plain form, after looking where its name leads now. Raises AddressRefused."""
    target = target_of(url)
    addresses_of(target.host, target.port)
    return target.url


def addresses_of(host: str, port: int) -> list[str]:
    """The IP addresses behind a name; all of them are public, or none may be used. Raises AddressRefused."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise AddressRefused(f"{host} can't be resolved.") from error
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    if not settings.WEBHOOK_PRIVATE_ADDRESSES:
        for address in addresses:
            if not is_public(address):
                raise AddressRefused(f"{host} leads to {address}, which is not on the public internet.")
    return addresses


def is_public(text: str) -> bool:
    """Whether anybody on the internet could reach this address as well as we can."""
    address = ip_address(text)
    if not address.is_global or address.is_multicast or address.is_reserved or address.is_unspecified:
        return False
    if address.version == 6 and (address.is_site_local or address.ipv4_mapped):
        return False
    return not any(address in network for network in DETOURS if network.version == address.version)
