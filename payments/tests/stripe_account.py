"""An account at the stub of Stripe: what the library asks of it, and what tests make happen there.

What becomes of a charge is decided by its payment method, as with Stripe's own test methods. Answers are remembered by
idempotency key, and everything is told by an event, which is sent when a test says so.
"""

import json
import random
import time
from itertools import count
from threading import Lock
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
from stripe import WebhookSignature

Object = dict[str, Any]

SECRET_KEY = "sk_test_of_the_stub"
WEBHOOK_SECRET = "whsec_of_the_stub"


class Refusal(Exception):
    """An error as Stripe answers it."""

    def __init__(self, status: int, kind: str, code: str, **more: Any) -> None:
        super().__init__(code)
        self.status = status
        self.body = {"error": {"type": kind, "code": code, "message": f"The stub says {code}.", **more}}


class StripeAccount:
    """One account at Stripe."""

    def __init__(self) -> None:
        self.intents: dict[str, Object] = {}
        self.refunds: dict[str, Object] = {}
        self.disputes: dict[str, Object] = {}
        self.answers: dict[str, tuple[str, Object, int, Object]] = {}  # by idempotency key
        self.events: list[Object] = []
        self.requests: list[tuple[str, str, Object]] = []
        self.lock = Lock()
        self._numbers = count(1)

    # --- what tests do ---

    def deliver(
        self, site: str, *, twice: bool = False, shuffled: int | None = None, secret: str = WEBHOOK_SECRET
    ) -> list[int]:
        """Post every event that waits to the site; the statuses of its answers. `shuffled` is the seed of an order."""
        with self.lock:
            waiting, self.events = self.events, []
        sent = waiting * 2 if twice else waiting
        if shuffled is not None:
            random.Random(shuffled).shuffle(sent)
        return [post_event(site, event, secret=secret) for event in sent]

    def authenticate(self, intent: Object) -> None:
        """The payer passes what their bank asked of them."""
        with self.lock:
            self.settle(intent)

    def lapse(self, intent: Object) -> None:
        """An authorisation that nobody captured in time."""
        with self.lock:
            self.cancel_intent(intent, reason="automatic")

    def dispute(self, intent: Object, *, status: str = "needs_response", amount: int | None = None) -> Object:
        """The payer goes to their bank."""
        with self.lock:
            dispute = {
                "id": self.new_id("du"),
                "object": "dispute",
                "amount": amount or intent["amount_received"],
                "charge": f"ch_{intent['id']}",
                "currency": intent["currency"],
                "created": int(time.time()),
                "evidence_details": {"due_by": int(time.time()) + 7 * 86_400},
                "metadata": {},
                "payment_intent": intent["id"],
                "reason": "product_not_received",
                "status": status,
            }
            self.disputes[dispute["id"]] = dispute
            self.tell("charge.dispute.created", dispute)
            if not status.startswith("warning"):
                self.tell("charge.dispute.funds_withdrawn", dispute)
        return dispute

    def decide(self, dispute: Object, status: str) -> None:
        """The bank has decided: `won`, `lost`, `warning_closed`."""
        with self.lock:
            dispute["status"] = status
            if status == "won":
                self.tell("charge.dispute.funds_reinstated", dispute)
            self.tell("charge.dispute.closed", dispute)

    def finish_refund(self, refund: Object, status: str = "succeeded") -> None:
        """What becomes of a pending refund."""
        with self.lock:
            refund["status"] = status
            refund["failure_reason"] = "lost_or_stolen_card" if status == "failed" else None
            self.tell("refund.failed" if status == "failed" else "refund.updated", refund)

    def refund_by_hand(self, intent: Object, amount: int) -> Object:
        """Somebody presses the button in Stripe's dashboard."""
        with self.lock:
            return self.make_refund(intent, amount, metadata={})

    @property
    def intent(self) -> Object:
        """The only charge there is."""
        [intent] = self.intents.values()
        return intent

    # --- what the library does ---

    def handle(self, method: str, target: str, body: str, headers: Any) -> tuple[int, Object]:
        """Answer one request."""
        if headers["Authorization"] != f"Bearer {SECRET_KEY}":
            raise Refusal(401, "invalid_request_error", "api_key_invalid")
        address, asked = urlsplit(target), unflatten(parse_qsl(body or urlsplit(target).query, keep_blank_values=True))
        with self.lock:
            self.requests.append((method, address.path, asked))
            key = headers.get("Idempotency-Key") if method == "POST" else None
            if key is None:
                return self.route(method, address.path, asked)
            return self.once(key, address.path, asked)

    def once(self, key: str, path: str, asked: Object) -> tuple[int, Object]:
        """The same key gets the same answer, refusals too; for something else it is an error."""
        if key in self.answers:
            known_path, known_asked, status, answer = self.answers[key]
            if (known_path, known_asked) != (path, asked):
                raise Refusal(400, "idempotency_error", "idempotency_key_reused")
            return status, answer
        try:
            status, answer = self.route("POST", path, asked)
        except Refusal as refusal:
            status, answer = refusal.status, refusal.body
        self.answers[key] = (path, asked, status, json.loads(json.dumps(answer)))
        return status, answer

    def route(self, method: str, path: str, asked: Object) -> tuple[int, Object]:
        match method, path.removeprefix("/v1/").split("/"):
            case "POST", ["payment_intents"]:
                answer = self.create_intent(asked)
            case "GET", ["payment_intents", "search"]:
                wanted = asked["query"].split("'")[3]
                found = [each for each in self.intents.values() if each["metadata"].get("payment") == wanted]
                answer = listed("search_result", found)
            case "GET", ["payment_intents", ref]:
                answer = find(self.intents, ref)
            case "POST", ["payment_intents", ref, "capture"]:
                answer = self.capture_intent(find(self.intents, ref))
            case "POST", ["payment_intents", ref, "cancel"]:
                answer = self.cancel_intent(find(self.intents, ref), reason=None)
            case "POST", ["refunds"]:
                answer = self.create_refund(asked)
            case "GET", ["refunds"]:
                mine = [each for each in self.refunds.values() if each["payment_intent"] == asked["payment_intent"]]
                answer = listed("list", mine)
            case "GET", ["disputes"]:
                since = int(asked["created"]["gte"])
                answer = listed("list", [each for each in self.disputes.values() if each["created"] >= since])
            case "GET", ["disputes", ref]:
                answer = find(self.disputes, ref)
            case _:
                raise Refusal(404, "invalid_request_error", "url_invalid")
        return 200, answer

    def create_intent(self, asked: Object) -> Object:
        ref = self.new_id("pi")
        intent: Object = {
            "id": ref,
            "object": "payment_intent",
            "amount": int(asked["amount"]),
            "amount_received": 0,
            "capture_method": asked["capture_method"],
            "client_secret": f"{ref}_secret",
            "currency": asked["currency"],
            "last_payment_error": None,
            "cancellation_reason": None,
            "metadata": asked["metadata"],
            "status": "requires_payment_method",
        }
        self.intents[ref] = intent
        if asked.get("confirm") == "true":
            self.confirm(intent, asked["payment_method"])
        return intent

    def confirm(self, intent: Object, method: str) -> None:
        match method:
            case "pm_card_chargeDeclined":
                error = {"type": "card_error", "code": "card_declined", "decline_code": "insufficient_funds"}
                intent["last_payment_error"] = error
                self.tell("payment_intent.payment_failed", intent)
                raise Refusal(
                    402, "card_error", "card_declined", decline_code="insufficient_funds", payment_intent=intent
                )
            case "pm_card_authRequired":
                intent["status"] = "requires_action"
                self.tell("payment_intent.requires_action", intent)
            case "pm_bank_debit":
                intent["status"] = "processing"
                self.tell("payment_intent.processing", intent)
            case "pm_card_visa":
                self.settle(intent)
            case _:
                raise Refusal(400, "invalid_request_error", "resource_missing", param="payment_method")

    def settle(self, intent: Object) -> None:
        """The bank says yes."""
        if intent["capture_method"] == "manual":
            intent["status"] = "requires_capture"
            self.tell("payment_intent.amount_capturable_updated", intent)
        else:
            self.succeed(intent)

    def succeed(self, intent: Object) -> Object:
        intent.update(status="succeeded", amount_received=intent["amount"])
        self.tell("payment_intent.succeeded", intent)
        return intent

    def capture_intent(self, intent: Object) -> Object:
        if intent["status"] != "requires_capture":
            raise Refusal(400, "invalid_request_error", "payment_intent_unexpected_state")
        return self.succeed(intent)

    def cancel_intent(self, intent: Object, *, reason: str | None) -> Object:
        if intent["status"] in {"succeeded", "canceled", "processing"}:
            raise Refusal(400, "invalid_request_error", "payment_intent_unexpected_state")
        intent.update(status="canceled", cancellation_reason=reason)
        self.tell("payment_intent.canceled", intent)
        return intent

    def create_refund(self, asked: Object) -> Object:
        intent, amount = find(self.intents, asked["payment_intent"]), int(asked["amount"])
        gone = sum(
            each["amount"]
            for each in self.refunds.values()
            if each["payment_intent"] == intent["id"] and each["status"] != "failed"
        )
        if gone + amount > intent["amount_received"]:
            raise Refusal(400, "invalid_request_error", "charge_already_refunded")
        return self.make_refund(intent, amount, metadata=asked["metadata"])

    def make_refund(self, intent: Object, amount: int, *, metadata: Object) -> Object:
        refund = {
            "id": self.new_id("re"),
            "object": "refund",
            "amount": amount,
            "currency": intent["currency"],
            "failure_reason": None,
            "metadata": metadata,
            "payment_intent": intent["id"],
            "status": "pending",
        }
        self.refunds[refund["id"]] = refund
        charge = {
            "id": f"ch_{intent['id']}",
            "object": "charge",
            "amount_captured": intent["amount_received"],
            "captured": True,
            "currency": intent["currency"],
            "metadata": intent["metadata"],
            "payment_intent": intent["id"],
        }
        self.tell("refund.created", refund)
        self.tell("charge.refunded", charge)
        return refund

    def tell(self, kind: str, thing: Object) -> None:
        """Write an event down, with the thing as it is now."""
        self.events.append(
            {
                "id": self.new_id("evt"),
                "object": "event",
                "type": kind,
                "created": int(time.time()),
                "data": {"object": json.loads(json.dumps(thing))},
            }
        )

    def new_id(self, kind: str) -> str:
        return f"{kind}_{next(self._numbers)}"


def post_event(site: str, event: Object, *, secret: str = WEBHOOK_SECRET, at: int | None = None) -> int:
    """One webhook as Stripe posts it."""
    body = json.dumps(event)
    signature = WebhookSignature.generate_signature_header(body, secret, timestamp=at)
    headers = {"Stripe-Signature": signature, "Content-Type": "application/json"}
    return httpx.post(f"{site}/stripe/webhook", content=body, headers=headers, trust_env=False, timeout=60).status_code


def find(things: dict[str, Object], ref: str) -> Object:
    if ref not in things:
        raise Refusal(404, "invalid_request_error", "resource_missing")
    return things[ref]


def listed(kind: str, things: list[Object]) -> Object:
    return {"object": kind, "data": things, "has_more": False, "url": "/v1"}


def unflatten(pairs: list[tuple[str, str]]) -> Object:
    """`a[b]=c` as Stripe's library writes it, as {"a": {"b": "c"}}."""
    asked: Object = {}
    for name, value in pairs:
        *path, last = name.replace("]", "").split("[")
        place = asked
        for step in path:
            place = place.setdefault(step, {})
        place[last] = value
    return asked
