"""A bank that keeps its books in memory, and whose letters a test delivers when and as often as it likes."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from uuid import uuid4

import orjson
from django.conf import settings

from cashback.errors import BankUnreachable
from payments.errors import ProviderRefused, ProviderUnavailable
from payments.services import receive_webhook
from payments.signatures import sign

Row = dict[str, Any]


@dataclass
class PaperBank:
    """Speaks like the sandbox bank: `call` takes the place of the adapters' HTTP."""

    is_open: bool = True
    mood: str = "paid"
    charges: dict[str, Row] = field(default_factory=dict)
    refunds: dict[str, Row] = field(default_factory=dict)
    disputes: dict[str, Row] = field(default_factory=dict)
    transfers: dict[str, Row] = field(default_factory=dict)
    letters: list[bytes] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def call(self, method: str, path: str, body: Row | None = None) -> Row:
        """What the bank answers to a request."""
        if not self.is_open:
            raise BankUnreachable("The bank is closed")
        match method, path.partition("?")[0].split("/"):
            case "POST", ["charges"]:
                return self.open_charge(body or {})
            case "POST", ["charges", key, verb]:
                return self.end_authorization(key, {"capture": "captured", "void": "voided"}[verb])
            case "POST", ["refunds"]:
                return self.open_refund(body or {})
            case "POST", ["transfers"]:
                return self.send(body or {})
            case "GET", ["disputes"]:
                return {"disputes": list(self.disputes.values())}
            case "GET", [kind, key]:
                return found(getattr(self, kind), key)
        raise AssertionError(f"nobody taught the bank {method} {path}")

    # --- Charges ----------------------------------------------------------------------------------------------------
    def open_charge(self, asked: Row) -> Row:
        """The same key is the same charge."""
        fresh = {"id": f"ch_{uuid4().hex}", "state": "pending", "captured_minor": 0, "refunded_minor": 0}
        charge = self.charges.setdefault(asked["key"], {**asked, **fresh, "failure_code": ""})
        return dict(charge)

    def decide(self, charge: Row, verdict: str) -> None:
        """A word on a charge, and the letter that tells it."""
        if verdict == "captured" and charge["state"] == "pending" and charge["capture"] == "manual":
            verdict = "authorized"
        charge["state"] = verdict
        charge["captured_minor"] = charge["amount_minor"] if verdict == "captured" else 0
        charge["failure_code"] = "card_declined" if verdict == "declined" else ""
        self.write(f"charge.{verdict}", charge)

    def end_authorization(self, key: str, verdict: str) -> Row:
        """Captured or let go, whichever is asked for first."""
        charge = self.charges.get(key) or found(self.charges, key)
        if charge["state"] == "authorized":
            self.decide(charge, verdict)
        if charge["state"] != verdict:
            raise ProviderRefused(f"The charge is {charge['state']}", answer=409)
        return dict(charge)

    def charges_in(self, *states: str) -> list[Row]:
        return [charge for charge in self.charges.values() if charge["state"] in states]

    # --- Refunds and disputes ---------------------------------------------------------------------------------------
    def open_refund(self, asked: Row) -> Row:
        """The same key is the same refund; no more goes back than came, and nothing that is disputed."""
        if asked["key"] not in self.refunds:
            charge = self.charges[asked["charge"]]
            if charge["id"] in {dispute["charge"] for dispute in self.disputes.values() if dispute["state"] != "won"}:
                raise ProviderRefused("The charge is disputed", answer=409)
            assert charge["refunded_minor"] + asked["amount_minor"] <= charge["captured_minor"], (charge, asked)
            charge["refunded_minor"] += asked["amount_minor"]
            self.refunds[asked["key"]] = {**asked, "id": f"re_{uuid4().hex}", "state": "accepted"}
        return dict(self.refunds[asked["key"]])

    def finish_refund(self, refund: Row) -> None:
        refund["state"] = "done"
        self.write("refund.done", refund)

    def refunds_in(self, state: str) -> list[Row]:
        return [refund for refund in self.refunds.values() if refund["state"] == state]

    def contestable(self) -> list[Row]:
        """Charges that their payers may still dispute."""
        disputed = {dispute["charge"] for dispute in self.disputes.values()}
        charges = self.charges_in("captured")
        return [row for row in charges if row["id"] not in disputed and row["refunded_minor"] < row["captured_minor"]]

    def dispute(self, charge: Row) -> None:
        name = f"dp_{uuid4().hex}"
        self.disputes[name] = {
            "id": name,
            "charge": charge["id"],
            "amount_minor": charge["captured_minor"] - charge["refunded_minor"],
            "currency": charge["currency"],
            "state": "open",
            "reason": "product_not_received",
        }
        self.write("dispute.open", self.disputes[name])

    def disputes_in(self, state: str) -> list[Row]:
        return [dispute for dispute in self.disputes.values() if dispute["state"] == state]

    def close_dispute(self, dispute: Row, verdict: str) -> None:
        dispute["state"] = verdict
        self.write(f"dispute.{verdict}", dispute)

    # --- Transfers --------------------------------------------------------------------------------------------------
    def send(self, asked: Row) -> Row:
        """The same key is the same transfer, tried again only if no money went. The mood says what becomes of it."""
        transfer = self.transfers.setdefault(
            asked["key"], {**asked, "id": f"tr_{uuid4().hex}", "state": "declined", "failure_code": "", "asked": 0}
        )
        transfer["asked"] += 1
        if self.mood == "lost":  # on its way to the bank
            if transfer["asked"] == 1:
                del self.transfers[asked["key"]]
            raise ProviderUnavailable("The bank did not answer")
        if transfer["state"] == "declined":
            transfer["state"] = "declined" if self.mood == "declined" else "pending" if self.mood == "slow" else "paid"
            transfer["failure_code"] = "declined" if self.mood == "declined" else ""
        if self.mood == "silent":  # the answer was lost
            raise ProviderUnavailable("The bank did not answer")
        return dict(transfer)

    # --- Letters ----------------------------------------------------------------------------------------------------
    def write(self, kind: str, data: Row) -> None:
        self.letters.append(orjson.dumps({"id": f"evt_{next(self.numbers)}", "type": kind, "data": data}))

    def post(self, letter: bytes) -> None:
        """A letter arrives at the site."""
        now = int(time.time())
        signature = sign(letter, secret=settings.SANDBOX_WEBHOOK_SECRETS[0], at=now)
        receive_webhook(provider="sandbox", body=letter, signature=signature, at=now)


def found(rows: dict[str, Row], key: str) -> Row:
    if key not in rows:
        raise ProviderRefused("The bank knows nothing of it", answer=404)
    return dict(rows[key])
