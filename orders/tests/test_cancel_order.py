import pytest
from django.utils import timezone

from accounts.models import User
from coupon_site.errors import IllegalTransition
from coupon_site.models import StateChange
from events.models import OutboxEvent, OutboxMessage
from orders.models import BuyerAllowance, FlashSale, HoldState, Order, OrderState
from orders.services import cancel_order
from orders.tests.conftest import Books
from orders.tests.factories import new_order

pytestmark = pytest.mark.django_db


def test_reserved_order__gives_stock_and_allowance_back(
    order: Order, operator: User, sale: FlashSale, broken: Books
) -> None:
    cancelled = cancel_order(order=order, actor=operator, reason="asked by phone")

    bucket = sale.stock.get()
    change = StateChange.objects.get(object_id=order.public_id)
    assert cancelled.state == Order.objects.get().state == OrderState.CANCELLED
    assert (bucket.reserved, bucket.sold) == (0, 0)
    assert order.lines.get().hold.state == HoldState.RELEASED
    assert BuyerAllowance.objects.get().quantity == 0
    assert (change.from_state, change.to_state, change.actor, change.reason) == (
        "reserved",
        "cancelled",
        operator,
        "asked by phone",
    )
    assert broken() == {}


def test_cancelled_order__is_announced(order: Order, user: User) -> None:
    cancel_order(order=order, actor=user)

    assert OutboxEvent.objects.filter(event_type="order.cancelled", aggregate_id=str(order.public_id)).count() == 1


@pytest.mark.parametrize("state", sorted(set(OrderState) - {OrderState.RESERVED}))
def test_any_other_state__is_refused_and_nothing_changes(
    order: Order, user: User, sale: FlashSale, state: OrderState
) -> None:
    Order.objects.update(state=state)
    OutboxMessage.objects.all().delete()

    with pytest.raises(IllegalTransition):
        cancel_order(order=order, actor=user)

    order.refresh_from_db()
    assert order.state == state
    assert sale.stock.get().reserved == 2
    assert not StateChange.objects.exists()
    assert not OutboxMessage.objects.exists()


def test_units_given_back__can_be_bought_again(user: User, sale: FlashSale, broken: Books) -> None:
    order = new_order(user, sale, quantity=10)

    cancel_order(order=order, actor=user)

    assert new_order(user, sale, quantity=10).created_at <= timezone.now()
    assert broken() == {}
