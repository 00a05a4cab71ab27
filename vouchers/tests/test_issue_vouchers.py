from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client import REGISTRY

from accounts.models import User
from coupon_site.models import StateChange
from events.models import OutboxEvent, OutboxMessage
from orders.models import FlashSale, Order
from orders.tests.factories import new_merchant, new_offer, new_order, new_sale
from payments.tests.races import at_once
from vouchers import handlers, services
from vouchers.codes import parse_code
from vouchers.errors import CodesExhausted
from vouchers.models import Voucher
from vouchers.services import issue_vouchers, issuing
from vouchers.tests.conftest import Books
from vouchers.tests.factories import new_paid_order, new_voucher

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


def test_paid_order__gets_a_voucher_per_unit(user: User, broken: Books) -> None:
    meal = new_sale(offer=new_offer(value_minor=5000, uses_per_voucher=3))
    tea = new_sale(offer=new_offer(value_minor=700))
    order = new_paid_order(user, meal, tea, quantity=2)

    vouchers = issue_vouchers(order=order.public_id, at=NOW)

    [of_meal, of_tea] = order.lines.order_by("id")
    units = [(voucher.line, voucher.unit_no, voucher.value_minor, voucher.uses_total) for voucher in vouchers]
    assert units == [(of_meal, 0, 5000, 3), (of_meal, 1, 5000, 3), (of_tea, 0, 700, 1), (of_tea, 1, 700, 1)]
    assert {(each.owner, each.state, each.currency, each.uses_done) for each in vouchers} == {
        (user, "active", "GBP", 0)
    }
    assert [each.merchant for each in vouchers[1:3]] == [meal.offer.merchant, tea.offer.merchant]
    assert len({voucher.code for voucher in vouchers}) == 4
    assert all(parse_code(voucher.code) == voucher.code for voucher in vouchers)
    assert broken() == {}


def test_vouchers_made__order_is_fulfilled_and_both_announced(user: User, paid_order: Order) -> None:
    vouchers = issue_vouchers(order=paid_order.public_id, at=NOW)

    paid_order.refresh_from_db()
    event = OutboxEvent.objects.get(event_type="voucher.issued")
    assert paid_order.state == "fulfilled"
    assert OutboxEvent.objects.filter(event_type="order.fulfilled").count() == 1
    assert event.aggregate_id == str(paid_order.public_id)
    assert set(event.audience) == {f"user:{user.public_id}", "perm:orders.view_order"}
    assert all(str(voucher.public_id) in event.payload for voucher in vouchers)
    assert not any(voucher.code in event.payload for voucher in vouchers)


def test_told_twice__is_once(paid_order: Order, broken: Books) -> None:
    first = issue_vouchers(order=paid_order.public_id, at=NOW)

    again = issue_vouchers(order=paid_order.public_id, at=NOW + timedelta(days=1))

    assert [(each.pk, each.code) for each in again] == [(each.pk, each.code) for each in first]
    assert Voucher.objects.count() == 2
    assert OutboxEvent.objects.filter(event_type__in=["voucher.issued", "order.fulfilled"]).count() == 2
    assert broken() == {}


@pytest.mark.django_db(transaction=True)
def test_told_twice_at_once__is_once(paid_order: Order, broken: Books) -> None:
    first, second = at_once([lambda: issue_vouchers(order=paid_order.public_id, at=NOW)] * 2)

    assert first == second
    assert Voucher.objects.count() == 2
    assert OutboxEvent.objects.filter(event_type="voucher.issued").count() == 1
    assert broken() == {}


def test_unit_that_is_missing__is_made_and_the_others_stay(paid_order: Order, broken: Books) -> None:
    first, second = issue_vouchers(order=paid_order.public_id, at=NOW)
    Voucher.objects.filter(pk=first.pk).delete()
    assert broken() == {"sold_lines_with_wrong_vouchers": 1}

    made, kept = issue_vouchers(order=paid_order.public_id, at=NOW)

    assert (kept.pk, made.unit_no) == (second.pk, 0)
    assert made.code != first.code
    assert broken() == {}


@pytest.mark.parametrize("state", ["reserved", "expired", "cancelled", "refunded"])
def test_order_without_money__gets_none(user: User, sale: FlashSale, state: str) -> None:
    order = new_order(user, sale)
    Order.objects.update(state=state)

    assert issue_vouchers(order=order.public_id, at=NOW) == []

    order.refresh_from_db()
    assert order.state == state
    assert not Voucher.objects.exists()
    assert not OutboxEvent.objects.filter(event_type="voucher.issued").exists()


# --- time ---

ENDS = [
    # zone, issued, days, last day, its end
    ("UTC", "2026-05-04T12:00", 1, "2026-05-05", "2026-05-06T00:00"),
    # The clocks go forward on the last day, and back.
    ("Europe/London", "2026-03-01T12:00", 28, "2026-03-29", "2026-03-29T23:00"),
    ("Europe/London", "2026-10-01T12:00", 24, "2026-10-25", "2026-10-26T00:00"),
    # Issued in winter, ended in summer: the end's own offset holds.
    ("Europe/Berlin", "2026-01-15T12:00", 180, "2026-07-14", "2026-07-14T22:00"),
    # Still the day before there, already the day after.
    ("America/New_York", "2026-06-02T02:00", 1, "2026-06-02", "2026-06-03T04:00"),
    ("Pacific/Auckland", "2026-06-01T13:00", 1, "2026-06-03", "2026-06-03T12:00"),
    # Midnight is skipped, and comes twice.
    ("America/Santiago", "2026-09-01T12:00", 4, "2026-09-05", "2026-09-06T04:00"),
    ("America/Havana", "2026-10-30T12:00", 1, "2026-10-31", "2026-11-01T04:00"),
]


@pytest.mark.parametrize("case", ENDS)
def test_voucher__ends_with_its_last_day_in_the_merchants_zone(
    user: User, case: tuple[str, str, int, str, str]
) -> None:
    zone, issued, days, last, end = case
    at = datetime.fromisoformat(issued).replace(tzinfo=UTC)

    voucher = new_voucher(user, at=at, merchant=new_merchant(timezone=zone), valid_days=days)

    assert voucher.expires_at == datetime.fromisoformat(end).replace(tzinfo=UTC)
    assert voucher.last_date == date.fromisoformat(last)
    assert voucher.valid_from == at


@pytest.mark.parametrize(("days", "last"), [(3, "2026-05-07"), (30, "2026-05-10")])
def test_offer_with_a_last_day__ends_its_vouchers_by_then(user: User, days: int, last: str) -> None:
    voucher = new_voucher(user, at=NOW, valid_days=days, last_date=date(2026, 5, 10))

    assert voucher.last_date == date.fromisoformat(last)


@pytest.mark.parametrize("wait", [timedelta(days=-3), timedelta(days=3)])
def test_offer_with_a_first_moment__its_vouchers_wait_for_it(user: User, wait: timedelta) -> None:
    voucher = new_voucher(user, at=NOW, valid_from=NOW + wait)

    assert voucher.valid_from == max(NOW, NOW + wait)


# --- codes ---


def drawn(*codes: str) -> Callable[[], str]:
    rest: Iterator[str] = iter(codes)
    return lambda: next(rest)


def test_code_that_exists__is_drawn_again(
    user: User, sale: FlashSale, voucher: Voucher, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = new_paid_order(user, sale)
    monkeypatch.setattr(issuing, "new_code", drawn(voucher.code, voucher.code, "FREE"))

    [made] = issue_vouchers(order=order.public_id, at=NOW)

    assert made.code == "FREE"


def test_no_free_code__makes_nothing_and_leaves_the_order_paid(
    paid_order: Order, voucher: Voucher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuing, "new_code", lambda: voucher.code)

    with pytest.raises(CodesExhausted):
        issue_vouchers(order=paid_order.public_id, at=NOW)

    paid_order.refresh_from_db()
    assert paid_order.state == "paid"
    assert list(Voucher.objects.all()) == [voucher]


def test_more_units__cost_no_more_statements(user: User, sale: FlashSale) -> None:
    def statements(quantity: int) -> int:
        order = new_paid_order(user, sale, quantity=quantity)
        with CaptureQueriesContext(connection) as captured:
            issue_vouchers(order=order.public_id, at=NOW)
        return len(captured)

    assert statements(1) == statements(9)


# --- the handler ---


def test_order_paid__is_fulfilled_by_the_worker(paid_order: Order, drain: Callable[[], int], broken: Books) -> None:
    drain()

    paid_order.refresh_from_db()
    history = (
        StateChange.objects.filter(object_id=paid_order.public_id).order_by("id").values_list("to_state", flat=True)
    )
    assert list(history) == ["paid", "fulfilled"]
    assert Voucher.objects.of_order(paid_order.pk).count() == 2
    assert broken() == {}


def test_order_paid_told_twice__changes_nothing(paid_order: Order, drain: Callable[[], int]) -> None:
    message = OutboxMessage.objects.get(handler__startswith="vouchers.", event="order.paid")
    drain()
    before = list(Voucher.objects.values())

    handlers.issue_vouchers(message)

    assert list(Voucher.objects.values()) == before


FAILURES = [
    (Order.DoesNotExist(), "order_missing"),
    (CodesExhausted(), "codes_exhausted"),
    (DatabaseError(), "database"),
    (KeyError(), "defect"),
]


@pytest.mark.parametrize(("error", "reason"), FAILURES)
def test_failure__is_counted_by_reason_and_goes_on_to_the_worker(
    monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    def fail(**_: object) -> None:
        raise error

    monkeypatch.setattr(services, "issue_vouchers", fail)
    before = failures()

    with pytest.raises(type(error)):
        handlers.issue_vouchers(OutboxMessage(payload={"order": str(uuid4())}))

    assert {name: count - before[name] for name, count in failures().items() if count != before[name]} == {reason: 1}


def test_order_that_is_not_there__is_an_error(db: None) -> None:
    with pytest.raises(Order.DoesNotExist):
        issue_vouchers(order=uuid4(), at=timezone.now())


def failures() -> dict[str, float]:
    name = "ticket_generation_failures_total"
    return {reason: REGISTRY.get_sample_value(name, {"reason": reason}) or 0 for _, reason in FAILURES}
