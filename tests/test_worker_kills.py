"""A process killed at one stage after the other: what comes after it finishes, nothing is lost, nothing done twice."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from django.utils import timezone
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from cashback.models import CashbackEvent, ImportJob, ImportState, Network, Transfer
from cashback.services import imports
from cashback.services.imports import applying, staging
from cashback.tests.factories import balances, line, worth, write_file
from coupon_site import redis
from coupon_site.models import StateChange
from events import enqueue, task
from events.frames import stream_key
from events.models import MessageState, OutboxChannel, OutboxEvent, OutboxMessage
from events.relay import Relay
from events.relay.ledger import Ledger
from events.services import drain, execution, finish
from events.tests.processes import wait_for
from events.worker import Worker
from monitoring.queries.invariants import reconcile
from orders.models import Order
from orders.services import refund_order
from orders.tests.factories import new_offer, new_order, new_sale
from payments.models import Payment, Refund, SandboxCharge, SandboxRefund
from payments.providers.sandbox import SandboxProvider
from tests.crowd import KILLED, Crowd
from tests.stages import Stage, relay, sweep, work
from vouchers.models import Voucher

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


@pytest.fixture(autouse=True)
def _site(live_server: LiveServer, settings: Settings) -> None:
    """The bank's counter and the site's; a lease ends at once, and nothing is too young to be checked."""
    settings.SANDBOX_URL = live_server.url
    settings.OUTBOX_LEASE_SECONDS = 0
    settings.RECONCILE_GRACE_SECONDS = 0


@pytest.fixture
def order(user: User) -> Order:
    """Two units at £10, of which 5 % come back."""
    return new_order(user, new_sale(offer=new_offer(cashback_basis_points=500)), quantity=2)


def come_to_rest() -> None:
    """A worker that lives does what is left."""

    def is_done() -> bool:
        drain()
        return not OutboxMessage.objects.exclude(state=MessageState.DELIVERED).exists()

    wait_for(is_done)


def broken() -> dict[str, int]:
    return {finding.invariant: finding.broken_rows for finding in reconcile() if not finding.holds}


def repeated() -> list[tuple[str, str]]:
    """What was announced of one thing more than once."""
    announced = Counter(OutboxEvent.objects.values_list("event_type", "aggregate_id"))
    return [fact for fact, count in announced.items() if count > 1]


def bought() -> dict[str, Any]:
    """What came of the one order."""
    return {
        "order": Order.objects.get().state,
        "payments": list(Payment.objects.values_list("state", "captured_minor")),
        "charges": list(SandboxCharge.objects.values_list("state", "amount_minor")),
        "vouchers": Voucher.objects.count(),
        "cashback": list(CashbackEvent.objects.values_list("state", "original_minor")),
        "transfers": list(Transfer.objects.values_list("reason", "amount_minor")),
        "repeated": repeated(),
        "broken": broken(),
    }


BOUGHT = {
    "order": "fulfilled",
    "payments": [("captured", 2000)],
    "charges": [("captured", 2000)],
    "vouchers": 2,
    "cashback": [("pending", 100)],
    "transfers": [("accrual", 100)],
    "repeated": [],
    "broken": {},
}


# --- Buying and giving back -----------------------------------------------------------------------------------------
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


# --- Sweeps ---------------------------------------------------------------------------------------------------------
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


# --- The relay ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "stage",
    [
        pytest.param(Stage("events.relay.ledger:Ledger.number", "after"), id="numbered-not-committed"),
        pytest.param(Stage("events.relay.ledger:Ledger.sequence", "after"), id="numbered"),
        pytest.param(Stage("events.relay.streams:Streams.append", "after"), id="in-redis-not-noted"),
        pytest.param(Stage("events.relay.ledger:Ledger.mark", "after"), id="noted"),
    ],
)
def test_relay_killed__every_event_is_in_the_stream_once(crowd: Crowd, order: Order, stage: Stage) -> None:
    assert crowd.at_once(partial(relay, stage=stage)) == [KILLED]

    come_to_rest()
    relay_the_rest()
    assert stream() == numbers() == list(range(1, len(numbers()) + 1))
    assert len(stream()) >= 3
    assert broken() == {}


def relay_the_rest() -> None:
    """Another relay takes over as soon as PostgreSQL has noticed that the first is gone."""
    wait_for(lambda: Relay().run(once=True) >= 0 and not OutboxEvent.objects.filter(status__lt=2).exists())


def numbers() -> list[int]:
    return list(OutboxEvent.objects.filter(channel="events:orders").order_by("id").values_list("seq", flat=True))


def stream() -> list[int]:
    channel = OutboxChannel.objects.get(channel="events:orders")
    entries: Any = redis.client().xrange(stream_key(channel.channel, channel.epoch))
    return [int(entry.partition(b"-")[0]) for entry, _ in entries]


# --- Imports --------------------------------------------------------------------------------------------------------
LINES = [
    line("536365", "A", 6, "2.55"),
    line("536365", "B", 2, "3.39"),
    line("536366", "A", 1, "10.0", at="2010-12-02 09:00:00"),
    line("C536401", "B", -1, "3.39", at="2010-12-03 10:00:00"),
    line("536367", "C", 10, "1.11", "13047.0"),
    line("536369", price="0.0"),
]


def small_steps() -> None:
    """Chunks so small that a few lines make many."""
    staging.CHUNK_LINES = 2
    applying.BATCH_INVOICES = 1


@pytest.mark.parametrize(
    "stage",
    [
        pytest.param(Stage("cashback.services.imports.staging:advance", "after"), id="in-a-chunk"),
        pytest.param(Stage("cashback.services.imports.staging:stage_chunk", "after"), id="after-a-chunk"),
        pytest.param(Stage("cashback.services.imports.staging:finish_staging", "after"), id="all-staged"),
        pytest.param(Stage("cashback.services.imports.applying:reward", "after"), id="in-a-batch"),
        pytest.param(Stage("cashback.services.imports.applying:apply_batch", "after"), id="after-a-batch"),
        pytest.param(Stage("cashback.services.imports.running:finish", "before"), id="all-applied"),
        pytest.param(Stage("cashback.services.imports.running:finish", "after"), id="done"),
    ],
)
def test_importer_killed__the_ledger_is_that_of_one_import(
    crowd: Crowd, operator: User, tmp_path: Path, stage: Stage
) -> None:
    network = Network.objects.get(slug="online-retail")
    body = write_file(tmp_path, LINES).read_bytes()
    imports.receive_upload(network=network, filename="day.csv", chunks=lambda: [body], actor=operator)

    killed = crowd.at_once(partial(work, stage=stage, topics=("imports",)), unguard=small_steps)

    assert killed == [KILLED]
    come_to_rest()
    job = ImportJob.objects.get()
    assert (job.state, job.lines, job.rejected) == (ImportState.DONE_WITH_ERRORS, 6, 1)
    assert worth(network) == {"536365": (110, 17), "536366": (50, 0), "536367": (56, 0)}
    assert balances() == {"17850": (143, 0), "13047": (56, 0)}
    assert broken() == {}


# --- What a kill does where a guard is off: if these fail, the others prove nothing --------------------------------
@task(topic="kills")
def note_down(message: OutboxMessage) -> None:
    """A handler that minds being called twice."""
    StateChange.objects.create(model="sample", object_id=uuid4(), from_state="", to_state="noted")


NOTE_DOWN = f"{__name__}.note_down"


def without_transaction() -> None:
    """The write that finishes a message is not committed together with what its handler wrote."""
    execution.attempt = execution.attempt.__wrapped__  # type: ignore[attr-defined]


def without_lease() -> None:
    """What is claimed counts as delivered."""
    claim = Worker.claim

    def claim_and_forget(self: Worker) -> list[OutboxMessage]:
        claimed = claim(self)
        finish(messages=claimed, at=timezone.now())
        return claimed

    Worker.claim = claim_and_forget  # type: ignore[method-assign]
    execution.renew = execution.finish = lambda **named: None


def without_key() -> None:
    """The bank is told nothing by which it could know a charge again."""
    call = SandboxProvider.call

    def call_as_new(self: SandboxProvider, method: str, path: str, body: Any = None) -> Any:
        return call(self, method, path, body and {**body, "key": str(uuid4())})

    SandboxProvider.call = call_as_new  # type: ignore[method-assign]


def without_leftovers() -> None:
    """Nobody looks for what an earlier relay has numbered and not published."""
    Ledger.leftovers = lambda self, channel: []  # type: ignore[method-assign]


@pytest.mark.parametrize(
    ("unguard", "notes"), [(None, 1), (without_transaction, 2)], ids=["guarded", "without-transaction"]
)
def test_handler_that_minds__is_kept_from_harm_by_the_transaction(
    crowd: Crowd, unguard: Callable[[], None] | None, notes: int
) -> None:
    with transaction.atomic():
        enqueue(note_down, {})

    assert crowd.at_once(partial(work, stage=Stage(NOTE_DOWN, "after")), unguard=unguard) == [KILLED]

    come_to_rest()
    assert StateChange.objects.filter(model="sample").count() == notes


def test_without_leases__a_kill_loses_messages(crowd: Crowd, order: Order) -> None:
    dies = Stage("orders.handlers.start_payment", "before")

    assert crowd.at_once(partial(work, stage=dies), unguard=without_lease) == [KILLED]

    come_to_rest()
    assert bought() != BOUGHT
    assert Order.objects.get().state == "reserved"


def test_without_the_key__a_kill_charges_twice(crowd: Crowd, order: Order) -> None:
    dies = Stage("payments.services.attempts:apply_payment_event", "before")

    assert crowd.at_once(partial(work, stage=dies), unguard=without_key) == [KILLED]

    come_to_rest()
    assert SandboxCharge.objects.count() == 2


def test_without_leftovers__a_kill_leaves_a_hole_in_the_stream(
    crowd: Crowd, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    dies = Stage("events.relay.ledger:Ledger.sequence", "after")

    assert crowd.at_once(partial(relay, stage=dies), unguard=without_leftovers) == [KILLED]

    come_to_rest()
    monkeypatch.setattr(Ledger, "leftovers", lambda self, channel: [])
    wait_for(lambda: Relay().run(once=True) > 0)
    assert stream() != numbers()
