"""What visitors do, in the terms of any HTTP client: the same visits for Locust and for tests."""

import random
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol
from uuid import uuid4

SALES, OFFERS, ORDERS, ORDER, FLAGS = (
    "/api/v1/sales/",
    "/api/v1/offers/",
    "/api/v1/orders/",
    "/api/v1/orders/{id}/",
    "/api/v1/flags/",
)
# Method and name of every request: the whole of the label values.
REQUESTS = (("GET", SALES), ("GET", OFFERS), ("GET", FLAGS), ("POST", ORDERS), ("GET", ORDER))
METHODS = {"card": 94, "card_declined": 6}
# What a shop refuses in the course of a busy day is no fault of it.
REFUSALS = frozenset({409})


class Request(NamedTuple):
    """One request; it is counted under `name`, and statuses in `fine` are no failure."""

    method: str
    path: str
    name: str
    headers: Mapping[str, str]
    json: Any = None
    fine: frozenset[int] = frozenset()


class Client(Protocol):
    """Asks the site, and gives the answer's status and JSON."""

    def ask(self, request: Request) -> tuple[int, Any]: ...


class Visitor:
    """A shopper with an API token, who looks around and now and then buys."""

    def __init__(self, client: Client, token: str, chance: random.Random | None = None) -> None:
        self.client = client
        self.headers = {"Authorization": f"Bearer {token}"}
        self.chance = chance or random.Random()  # noqa: S311  not cryptography

    def look_around(self) -> None:
        """The lists that a shop front shows."""
        for path in (SALES, OFFERS):
            self.client.ask(Request("GET", path, path, self.headers))

    def read_flags(self) -> None:
        self.client.ask(Request("GET", FLAGS, FLAGS, self.headers))

    def buy(self) -> str | None:
        """One unit of something on sale, and a look at the order; its number."""
        _, sales = self.client.ask(Request("GET", SALES, SALES, self.headers))
        if not sales or not sales["results"]:
            return None
        sale = self.chance.choice(sales["results"])
        body = {"lines": [{"sale": sale["id"], "quantity": 1}], "payment_method": self.method()}
        keyed = {**self.headers, "Idempotency-Key": str(uuid4())}
        status, order = self.client.ask(Request("POST", ORDERS, ORDERS, keyed, body, REFUSALS))
        if status != 201:
            return None
        self.client.ask(Request("GET", ORDER.format(id=order["id"]), ORDER, self.headers))
        number: str = order["number"]
        return number

    def method(self) -> str:
        return self.chance.choices(list(METHODS), weights=list(METHODS.values()))[0]
