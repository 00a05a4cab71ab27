"""The webhook against the return page, in both orders, before and after each commit: one effect."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from coupon_site.models import StateChange
from events.models import OutboxMessage
from payments.errors import NotVoidable
from payments.models import Payment, PaymentQuerySet, PaymentState, WebhookReceipt
from payments.services import charge_payment, refresh_payment, void_payment
from payments.tests.conftest import Books
from payments.tests.factories import new_payment
from payments.tests.interleavings import Interleave
from payments.tests.stripe_stub import StripeStub

pytestmark = pytest.mark.django_db(transaction=True)
Drain = Callable[[], int]
Act = Callable[[], object]

OUTCOMES = "payments.services.charge_outcomes"
# Where the first stands, whether behind the function, and whether the second can't get past it.
PLACES = {
    "before its lock": ("payments.services.reports.apply_charge", False, False),
    "under its lock": (f"{OUTCOMES}.check_fits", False, True),
    "moved, not announced": (f"{OUTCOMES}.announce", False, True),
    "announced, not committed": (f"{OUTCOMES}.announce", True, True),
}


@pytest.fixture
def interleave(monkeypatch: pytest.MonkeyPatch) -> Interleave:
    return Interleave(monkeypatch)


@pytest.fixture
def pending(stripe: StripeStub, user: User) -> Payment:
    """The payer is at their bank."""
    payment = charge_payment(payment=new_payment(user, method="pm_card_authRequired", provider="stripe"))
    stripe.events.clear()  # that the payer is asked for is no news any more
    return payment


@pytest.fixture
def sides(pending: Payment, stripe: StripeStub, live_server: LiveServer, drain: Drain) -> dict[str, Act]:
    """The payer has passed: Stripe's webhook has arrived and is to be applied, the return page asks."""
    stripe.authenticate(stripe.intent)
    assert set(stripe.deliver(live_server.url)) == {200}
    copy = Payment.objects.get()
    return {"webhook": drain, "return page": lambda: refresh_payment(payment=copy, at=timezone.now())}


def captures() -> tuple[int, int]:
    """How often the capture was announced, and written down."""
    return (
        OutboxMessage.objects.filter(handler="orders.handlers.confirm_order").count(),
        StateChange.objects.filter(to_state="captured").count(),
    )


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("first", ["webhook", "return page"])
def test_webhook_and_return_page__are_one_capture(
    sides: dict[str, Act], interleave: Interleave, first: str, place: str, broken: Books
) -> None:
    at, after, second_waits = PLACES[place]
    [second] = set(sides) - {first}

    told = interleave(sides[first], sides[second], at=at, after=after)

    payment = Payment.objects.get()
    assert told.second_waited == second_waits
    assert captures() == (1, 1)
    assert (payment.state, payment.captured_minor) == (PaymentState.CAPTURED, 2000)
    assert not WebhookReceipt.objects.filter(outcome="waiting").exists()
    assert broken() == {}


@pytest.mark.parametrize("first", ["webhook", "return page"])
def test_one_after_the_other__are_one_capture(sides: dict[str, Act], first: str, broken: Books) -> None:
    [second] = set(sides) - {first}

    for side in (first, second):
        sides[side]()

    assert captures() == (1, 1)
    assert WebhookReceipt.objects.get().outcome == ("applied" if first == "webhook" else "ignored")
    assert broken() == {}


def test_without_the_lock__it_is_captured_twice(
    sides: dict[str, Act], interleave: Interleave, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: if this fails, the others prove nothing."""

    def move(payment: Payment, to: str, *, reason: str = "", **fields: Any) -> None:
        Payment.objects.filter(pk=payment.pk).update(state=to, **fields)
        payment.refresh_from_db()

    monkeypatch.setattr(f"{OUTCOMES}.move", move)
    monkeypatch.setattr(PaymentQuerySet, "select_for_update", lambda self, **how: self)
    at, after, _ = PLACES["under its lock"]

    interleave(sides["webhook"], sides["return page"], at=at, after=after)

    assert captures()[0] == 2


def test_copies_of_a_webhook_at_two_doors__are_one_receipt(
    pending: Payment, stripe: StripeStub, live_server: LiveServer, interleave: Interleave, drain: Drain
) -> None:
    stripe.authenticate(stripe.intent)
    copy = list(stripe.events)

    def post() -> list[int]:
        stripe.events = list(copy)
        return stripe.deliver(live_server.url)

    told = interleave(post, post, at="payments.services.webhooks.keep_receipt")
    drain()

    assert set(told.first + told.second) == {200}
    assert WebhookReceipt.objects.get(event_type="payment_intent.succeeded").copies == 2
    assert captures() == (1, 1)


def test_called_off_while_the_money_comes__is_refused(
    pending: Payment, sides: dict[str, Act], interleave: Interleave, broken: Books
) -> None:
    with pytest.raises(NotVoidable):
        interleave(sides["return page"], lambda: void_payment(payment=pending), at=f"{OUTCOMES}.announce")

    assert Payment.objects.get().state == PaymentState.CAPTURED
    assert captures() == (1, 1)
    assert broken() == {}


def test_money_that_comes_while_it_is_called_off__is_taken_down(
    pending: Payment, sides: dict[str, Act], interleave: Interleave, drain: Drain
) -> None:
    place = "payments.services.authorizations.decide"

    told = interleave(lambda: void_payment(payment=pending), sides["return page"], at=place)
    drain()

    payment = Payment.objects.get()
    assert told.second_waited
    assert (payment.state, payment.decision) == (PaymentState.CAPTURED, "void")
    assert captures() == (1, 1)
