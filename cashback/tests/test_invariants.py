"""Every invariant finds what breaks it."""

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts.models import User
from cashback.models import (
    Account,
    AccountKind,
    CancellationMatch,
    CashbackEvent,
    Conversion,
    ConversionLine,
    ImportRow,
    Payout,
    Transfer,
)
from cashback.queries import (
    INVARIANTS,
    cashback_events_by_state,
    cashback_oldest_pending_seconds,
    cashback_pending_usd,
    imports_stalled,
    platform_balance,
)
from cashback.services import adjust_wallet, open_wallets, track_order
from cashback.tests.conftest import Books
from cashback.tests.factories import import_lines, line, new_payout, run, write_file
from events.models import OutboxMessage
from orders.models import Order
from orders.services import refund_order

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(user: User, paid_order: Order, tmp_path: Path) -> None:
    """Cashback of both kinds, a clawback, and nothing broken."""
    track_order(order=paid_order.public_id, at=timezone.now())
    adjust_wallet(owner=user, amount_minor=2000, currency="GBP", reason="sorry", actor=user, key=uuid4())
    new_payout(user, amount_minor=700)
    import_lines(tmp_path, [line("1", "A", 2), line("C2", "A", -1, at="2010-12-09 00:00:00")])


def cross_currencies() -> None:
    """The service refuses it; rows may come from elsewhere."""
    euros, *_ = open_wallets(owners=User.objects.all()[:1], currency="EUR").values()
    pounds = Account.objects.filter(owner=None)[0]
    Transfer.objects.create(
        debit=pounds, credit=euros, amount_minor=5, source_type="x", source_id=uuid4(), reason="adjustment"
    )


BREAKS: dict[str, tuple[Callable[[], object], set[str]]] = {
    "a balance": (
        lambda: Account.objects.filter(kind="available").update(balance_minor=1),
        {"wallet_balances_that_differ", "ledger_sum"},
    ),
    "a payout's state": (
        lambda: Payout.objects.update(state="rejected"),
        {"payouts_that_differ", "payout_clearing_that_differs"},
    ),
    "a payout's amount": (
        lambda: Payout.objects.update(amount_minor=1),
        {"payouts_that_differ", "payout_clearing_that_differs"},
    ),
    "a currency": (cross_currencies, {"transfers_across_currencies"}),
    "an amount": (
        lambda: CashbackEvent.objects.filter(network="shop").update(original_minor=101),
        {"cashback_events_that_differ", "pending_accounts_that_differ"},
    ),
    "a state": (
        lambda: CashbackEvent.objects.filter(network="shop").update(state="declined"),
        {"cashback_events_that_differ", "pending_accounts_that_differ"},
    ),
    "a conversion's sum": (
        lambda: Conversion.objects.filter(external_id="1").update(gross_minor=2001, lines=2),
        {"conversion_totals_that_differ"},
    ),
    "a rate": (
        lambda: CashbackEvent.objects.exclude(network="shop").update(basis_points=400),
        {"conversions_whose_cashback_differs"},
    ),
    "a line": (lambda: ConversionLine.objects.filter(quantity=2).update(copies=2), {"conversion_totals_that_differ"}),
    "a match": (lambda: CancellationMatch.objects.update(amount_minor=1), {"cancellations_that_differ"}),
    "a lost line": (lambda: ImportRow.objects.filter(row_no=1).delete(), {"imports_with_lost_lines"}),
    "a line not applied": (
        lambda: ImportRow.objects.filter(row_no=1).update(outcome="staged"),
        {"imports_with_lost_lines"},
    ),
    "an undone order": (
        lambda: Order.objects.update(state="refunded"),
        {"undone_orders_with_cashback"},
    ),
}


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("what", BREAKS)
def test_broken__is_found(broken: Books, what: str) -> None:
    harm, found = BREAKS[what]
    assert broken() == {}

    harm()

    assert found <= set(broken())


@pytest.mark.usefixtures("world")
def test_order_whose_undoing_waits_for_a_busy_worker__is_not_found(paid_order: Order, broken: Books) -> None:
    refund_order(order=paid_order)

    assert broken() == {}
    OutboxMessage.objects.filter(topic="cashback", event="order.refunded").update(attempts=1)
    assert broken() == {"undone_orders_with_cashback": 1}


def test_every_invariant__is_broken_once() -> None:
    assert set().union(*(found for _, found in BREAKS.values())) == set(INVARIANTS)


@pytest.mark.usefixtures("world")
def test_figures__are_read_from_the_database(tmp_path: Path) -> None:
    run(write_file(tmp_path, [line("9")]), after_chunk=lambda job: False)
    in_an_hour = timezone.now() + timezone.timedelta(hours=1)

    assert cashback_pending_usd() == pytest.approx((100 + 50) / 100 * 1.27)
    assert cashback_events_by_state()["pending"] == 2
    assert cashback_events_by_state()["paid"] == 0
    assert cashback_oldest_pending_seconds(in_an_hour) == pytest.approx(3600, abs=60)
    assert (imports_stalled(timezone.now()), imports_stalled(in_an_hour)) == (0, 1)
    assert platform_balance(kind=AccountKind.ACCRUAL, currency="GBP") == -150


@pytest.mark.django_db
def test_nothing_there__is_nothing(broken: Books) -> None:
    assert broken() == {}
    assert cashback_pending_usd() == 0
    assert cashback_oldest_pending_seconds(timezone.now()) == 0
    assert platform_balance(kind=AccountKind.ACCRUAL, currency="CHF") == 0
