"""A shop from its opening on: who is there, what time it is, and what was sold."""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from django.core import mail
from django.db import connection, transaction
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from accounts.models import User
from cashback.models import Network
from coupon_site.errors import DomainError
from events.registry import registry
from events.services import drain
from orders.gifts import GiftMode, GiftWish
from orders.models import FlashSale, Order
from orders.services import LineRequest, ReserveRequest, cancel_order, reserve
from payments.errors import ProviderUnavailable
from tests.machine.bank import PaperBank
from tests.machine.books import Books
from tests.machine.facts import read_facts
from vouchers.models import ScannerDevice

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
PAUSES = [timedelta(minutes=1), timedelta(minutes=20), timedelta(hours=3), timedelta(days=1), timedelta(days=40)]
STEPS = 50
ELSEWHERE = ("flags.", "events.", "monitoring.", "orders.handlers.rebuild_gate")  # these move no money
SWEEPS = sorted(name for name in registry.sweeps if not name.startswith(ELSEWHERE))

pick = st.integers(0, 10_000)
wishes = st.none() | st.builds(
    GiftWish,
    mode=st.sampled_from([GiftMode.LINK, GiftMode.EMAIL]),
    recipient_email=st.just("friend@example.com"),
)


class Sold(NamedTuple):
    """What the model knows of an order."""

    units: dict[FlashSale, int]
    total_minor: int


class World(NamedTuple):
    """What is there before anything happens."""

    buyers: list[User]
    staff: list[User]
    sales: list[FlashSale]
    tills: list[ScannerDevice]
    network: Network
    folder: Path
    books: Books


class Shop(RuleBasedStateMachine):
    """Everything an example writes is taken back at its end."""

    world: ClassVar[World]
    whole_days: ClassVar[int] = 0  # examples that went through all of their steps
    open_now: ClassVar["Shop | None"] = None

    def __init__(self) -> None:
        super().__init__()
        self.undo = transaction.atomic()
        self.undo.__enter__()
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        self.bank = PaperBank()
        self.now = self.swept_at = NOON
        self.steps_done = 0
        self.sold: dict[str, Sold] = {}
        self.uses: Counter[int] = Counter()
        self.facts = read_facts()
        Shop.open_now = self

    def teardown(self) -> None:
        type(self).whole_days += self.steps_done >= STEPS
        transaction.set_rollback(True)
        self.undo.__exit__(None, None, None)
        mail.outbox.clear()

    # --- Buying -----------------------------------------------------------------------------------------------------
    @rule(
        buyer=pick,
        wanted=st.dictionaries(st.integers(0, 2), st.integers(1, 3), min_size=1, max_size=2),
        gift=wishes,
        method=st.sampled_from(["card", "card_authorize"]),
    )
    def buy(self, buyer: int, wanted: dict[int, int], gift: GiftWish | None, method: str) -> None:
        units = {of(self.world.sales, sale): quantity for sale, quantity in wanted.items()}
        self.order(of(self.world.buyers, buyer), units, gift=gift, method=method)

    @rule(buyer=pick, sale=pick, quantity=st.integers(1, 2), gift=wishes)
    def buy_and_pay(self, buyer: int, sale: int, quantity: int, gift: GiftWish | None) -> None:
        """The usual way, so that there is something to do with vouchers and cashback."""
        if self.order(of(self.world.buyers, buyer), {of(self.world.sales, sale): quantity}, gift=gift):
            drain()
            for charge in self.bank.charges_in("pending"):
                self.bank.decide(charge, "captured")
            self.post_all()

    def order(
        self, buyer: User, units: dict[FlashSale, int], *, gift: GiftWish | None = None, method: str = "card"
    ) -> bool:
        """Whether there was enough."""
        lines = tuple(LineRequest(sale=sale.public_id, quantity=n, gift=gift) for sale, n in units.items())
        [answer] = reserve(requests=[ReserveRequest(buyer=buyer, lines=lines, payment_method=method)], at=self.now)
        if isinstance(answer, Order):
            self.sold[str(answer.public_id)] = Sold(units, sum(sale.price_minor * n for sale, n in units.items()))
        return isinstance(answer, Order)

    @precondition(lambda self: self.sold)
    @rule(order=pick)
    def call_off(self, order: int) -> None:
        perhaps(lambda: cancel_order(order=self.an_order(order), actor=None))

    def an_order(self, number: int) -> Order:
        return Order.objects.get(public_id=of(self.sold, number))

    def post_all(self) -> None:
        """Every letter of the bank arrives."""
        while self.bank.letters:
            self.bank.post(self.bank.letters.pop(0))

    # --- Time -------------------------------------------------------------------------------------------------------
    @rule(pause=st.sampled_from(PAUSES))
    def time_passes(self, pause: timedelta) -> None:
        self.now += pause

    @rule(sweep=st.sampled_from(SWEEPS))
    def sweep_runs(self, sweep: str) -> None:
        registry.sweeps[sweep].function()

    @rule(pause=st.sampled_from(PAUSES))
    def time_passes_and_everything_runs(self, pause: timedelta) -> None:
        self.now = self.swept_at = self.now + pause
        for name in SWEEPS:
            registry.sweeps[name].function()


def now() -> datetime:
    """What the product takes for the time."""
    return Shop.open_now.now if Shop.open_now else NOON


def of(items: Iterable[Any], number: int) -> Any:
    """One of the items."""
    known = list(items)
    return known[number % len(known)]


def perhaps(act: Callable[[], Any]) -> Any:
    """What may be refused for good reasons; whether it was right shows in the books."""
    try:
        with transaction.atomic():
            return act()
    except (DomainError, ProviderUnavailable):
        return None
