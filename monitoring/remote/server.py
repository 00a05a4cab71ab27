"""What asking any of the servers has in common: short time-outs, and one line that says what went wrong."""

import re
import ssl
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import httpx

TIMEOUT_SECONDS = 10.0
LONGEST_REASON = 300
PASSWORD = re.compile(r"//[^/@]*@")


@cache
def certificates() -> ssl.SSLContext:
    """Whom to trust; read once, because that takes longer than an answer."""
    return ssl.create_default_context()


class RemoteError(Exception):
    """A server did not answer, or not as it should; the message is one line."""


@dataclass(frozen=True)
class Server:
    """An HTTP server at an address."""

    url: str
    headers: dict[str, str] = field(default_factory=dict)
    timeout: float = TIMEOUT_SECONDS

    def ask(self, path: str, *, method: str = "GET", **options: Any) -> httpx.Response:
        """A successful answer. Raises RemoteError."""
        try:
            address = httpx.URL(f"{self.url.rstrip('/')}{path}")
            told = {"headers": self.headers, "timeout": self.timeout, **options}
            answer = httpx.request(method, address, verify=certificates(), trust_env=False, **told)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise RemoteError(f"{self.name}{path}: {str(error) or type(error).__name__}") from error
        if not answer.is_success:
            said = " ".join(answer.text.split())[:LONGEST_REASON]
            raise RemoteError(f"{self.name}{path} answers {answer.status_code} {said}".rstrip())
        return answer

    @property
    def name(self) -> str:
        """The address without the password that it may carry."""
        return PASSWORD.sub("//", self.url.rstrip("/"))

    def json(self, path: str, *, method: str = "GET", **options: Any) -> Any:
        """The answer's JSON. Raises RemoteError."""
        answer = self.ask(path, method=method, **options)
        try:
            return answer.json()
        except ValueError as error:
            raise RemoteError(f"{self.name}{path} does not answer with JSON") from error

    def is_answering(self, path: str) -> bool:
        try:
            self.ask(path)
        except RemoteError:
            return False
        return True
