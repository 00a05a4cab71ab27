"""Who carries payouts: an adapter of one shape for each bank, found by its name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol
from uuid import UUID

import httpx
from django.conf import settings

from cashback.errors import BankUnreachable
from cashback.models import Payout, PayoutState
from coupon_site.upstream import CountedTransport
from payments.errors import ProviderRefused, ProviderUnavailable

SANDBOX_STATES: Mapping[str, PayoutState] = {
    "pending": PayoutState.PROCESSING,
    "paid": PayoutState.PAID,
    "declined": PayoutState.FAILED,
}


@dataclass(frozen=True, kw_only=True)
class TransferReport:
    """What a bank says of a payout now."""

    payout: UUID
    provider_ref: str
    state: PayoutState
    amount_minor: int
    currency: str
    failure_code: str = ""


class PayoutProvider(Protocol):
    """A bank. A payout's public id is its idempotency key there: asking again is the same transfer.

    Both raise ProviderUnavailable when no answer came and ProviderRefused when the answer was no.
    """

    def send(self, payout: Payout) -> TransferReport:
        """Send the money, or find what was sent before. Raises BankUnreachable when the bank can't have heard of it."""
        ...

    def look_up(self, payout: Payout) -> TransferReport | None:
        """The transfer as it is now; None when the bank never heard of it."""
        ...


class SandboxBank:
    """Real HTTP to the sandbox bank under the site's own address."""

    def __init__(self) -> None:
        self.http = httpx.Client(transport=CountedTransport("payouts"))

    def send(self, payout: Payout) -> TransferReport:
        asked = {
            "key": str(payout.public_id),
            "amount_minor": payout.amount_minor,
            "currency": payout.currency,
            "destination": payout.destination,
        }
        return report_of(self.call("POST", "transfers", asked))

    def look_up(self, payout: Payout) -> TransferReport | None:
        try:
            return report_of(self.call("GET", f"transfers/{payout.public_id}"))
        except ProviderRefused as refusal:
            if refusal.context["answer"] == httpx.codes.NOT_FOUND:
                return None
            raise

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """One request to the bank."""
        address = f"{settings.SANDBOX_URL}/sandbox/{path}"
        headers = {"Authorization": f"Bearer {settings.SANDBOX_KEY}"}
        timeout = settings.PROVIDER_TIMEOUT_SECONDS
        try:
            response = self.http.request(method, address, json=body, headers=headers, timeout=timeout)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise BankUnreachable(f"The bank can't be reached: {type(error).__name__}") from error
        except httpx.HTTPError as error:
            raise ProviderUnavailable(f"The bank did not answer: {type(error).__name__}") from error
        if response.is_server_error or response.status_code == httpx.codes.TOO_MANY_REQUESTS:
            raise ProviderUnavailable(f"The bank answered {response.status_code}")
        if not response.is_success:
            raise ProviderRefused(f"The bank answered {response.status_code}", answer=response.status_code)
        answer: dict[str, Any] = response.json()
        return answer


def report_of(data: Mapping[str, Any]) -> TransferReport:
    """The bank's transfer in our words."""
    return TransferReport(
        payout=UUID(data["key"]),
        provider_ref=data["id"],
        state=SANDBOX_STATES[data["state"]],
        amount_minor=data["amount_minor"],
        currency=data["currency"],
        failure_code=data["failure_code"],
    )


ADAPTERS: Mapping[str, Callable[[], PayoutProvider]] = {"sandbox": SandboxBank}


@cache
def adapter_of(name: str) -> PayoutProvider:
    """The adapter of a bank; one per process, because it keeps its connections."""
    return ADAPTERS[name]()


def bank() -> PayoutProvider:
    """Where payouts go."""
    return adapter_of(settings.PAYOUT_PROVIDER)
