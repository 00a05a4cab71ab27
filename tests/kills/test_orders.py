"""Killed while an order is bought, given back, or runs out."""

from collections import Counter
from functools import partial
from typing import Any

import pytest
from pytest_django import Settings

from accounts.models import User
from cashback.models import CashbackEvent
from coupon_site.models import StateChange
from events.models import OutboxEvent
from orders.models import Order
from orders.services import refund_order
from orders.tests.factories import new_order, new_sale
from payments.models import Refund, SandboxRefund
from tests.crowd import KILLED, Crowd
from tests.kills.afterwards import BOUGHT, bought, broken, come_to_rest, repeated
from tests.kills.stages import Stage, sweep, work

pytestmark = pytest.mark.django_db(transaction=True)

BUYING = [
    "orders.handlers.start_payment",
    "payments.services.sandbox_bank.settle_charge",
    "payments.services.webhooks.apply_receipt",
    "orders.handlers.confirm_order",
    "vouchers.handlers.issue_vouchers",
    "cashback.handlers.track_order",
]
REFUNDING = [
    "payments.services.refund_delivery.send_refund",
    "payments.services.sandbox_bank.report_refund",
    "orders.handlers.book_refund",
    "cashback.handlers.undo_order",
]
MOMENTS = ["before", "after", "finished"]


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("handler", BUYING)
def test_worker_killed_in_a_handler__the_order_is_fulfilled_once(
    crowd: Crowd, order: Order, handler: str, moment: Any
) -> None:
    assert crowd.at_once(partial(work, stage=Stage(handler, moment))) == [KILLED]

    come_to_rest()
    assert bought() == BOUGHT


@pytest.mark.parametrize(
    "stage",
    [
        pytest.param(Stage("events.worker:claim", "after"), id="claimed"),
        pytest.param(Stage("payments.providers.sandbox:SandboxProvider.charge", "before"), id="bank-not-asked"),
        pytest.param(Stage("payments.services.attempts:apply_payment_event", "before"), id="bank-asked-not-noted"),
        pytest.param(Stage("payments.services.attempts:apply_payment_event", "after"), id="bank-asked-and-noted"),
        pytest.param(Stage("payments.services.sandbox_bank:tell_site", "before"), id="bank-decided-site-not-told"),
        pytest.param(Stage("payments.services.sandbox_bank:tell_site", "after"), id="bank-decided-site-told"),
        pytest.param(Stage("orders.services:confirm_order", "after"), id="sold-in-a-transaction"),
        pytest.param(Stage("events.services.execution:count_deliveries", "before"), id="committed"),
    ],
)
def test_worker_killed_between_steps__the_order_is_fulfilled_once(crowd: Crowd, order: Order, stage: Stage) -> None:
    assert crowd.at_once(partial(work, stage=stage)) == [KILLED]

    come_to_rest()
    assert bought() == BOUGHT


@pytest.mark.parametrize(
    "stage",
    [
        *[pytest.param(Stage(name, moment), id=f"{name}-{moment}") for name in REFUNDING for moment in MOMENTS],
        pytest.param(Stage("payments.services.refund_delivery:apply_refund", "before"), id="bank-asked-not-noted"),
    ],
)
def test_worker_killed_in_a_refund__the_money_goes_back_once(crowd: Crowd, order: Order, stage: Stage) -> None:
    come_to_rest()
    refund_order(order=order)

    assert crowd.at_once(partial(work, stage=stage)) == [KILLED]

    come_to_rest()
    order.refresh_from_db()
    assert (order.state, order.refunded_minor) == ("refunded", 2000)
    assert list(Refund.objects.values_list("state", "amount_minor")) == [("done", 2000)]
    assert SandboxRefund.objects.count() == 1
    assert CashbackEvent.objects.get().state == "declined"
    assert (repeated(), broken()) == ([], {})


@pytest.mark.parametrize(
    "stage",
    [
        pytest.param(Stage("orders.services:expire_orders", "before"), id="before"),
        pytest.param(Stage("orders.services.closing:release", "after"), id="stock-given-back"),
        pytest.param(Stage("orders.services.closing:publish_many", "after"), id="announced"),
        pytest.param(Stage("orders.services:expire_orders", "after"), id="committed"),
    ],
)
def test_sweep_killed__holds_run_out_once(crowd: Crowd, user: User, settings: Settings, stage: Stage) -> None:
    settings.ORDER_HOLD_SECONDS = 0
    sale = new_sale(stock=3)
    for _ in range(3):
        new_order(user, sale)
    expire = partial(sweep, name="orders.handlers.expire_orders")

    assert crowd.at_once(partial(expire, stage=stage)) == [KILLED]
    assert crowd.at_once(partial(expire, stage=None)) == ["lived"]

    come_to_rest()
    assert Counter(Order.objects.values_list("state", flat=True)) == {"expired": 3}
    assert OutboxEvent.objects.filter(event_type="order.expired").count() == 3
    assert StateChange.objects.filter(to_state="expired").count() == 3
    assert sale.stock.get().available == 3
    assert broken() == {}
