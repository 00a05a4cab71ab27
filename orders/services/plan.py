"""Deciding many requests at once, in the order they came, against terms, allowances and stock read together."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from uuid import UUID

from accounts.models import User
from coupon_site.errors import DomainError
from flags import is_enabled
from orders.errors import LimitReached, MixedCurrencies, NotGiftable, SaleClosed, SaleUnknown, SoldOut
from orders.gifts import GiftWish
from orders.models import FlashSale
from orders.services.allowances import Pair, taken_by
from orders.services.stock import StockBook
from orders.switches import SALES_OPEN


@dataclass(frozen=True, kw_only=True)
class LineRequest:
    """Units of one sale."""

    sale: UUID
    quantity: int
    gift: GiftWish | None = None

    def __post_init__(self) -> None:
        if self.quantity < 1:
            raise ValueError("a line asks for one unit at least")


@dataclass(frozen=True, kw_only=True)
class ReserveRequest:
    """What one buyer wants in one order: all of it, or nothing."""

    buyer: User
    lines: tuple[LineRequest, ...]
    payment_method: str = "card"

    @cached_property
    def units(self) -> Mapping[UUID, int]:
        """Units by sale, summed: a sale may be named by several lines."""
        units: dict[UUID, int] = {}
        for line in self.lines:
            units[line.sale] = units.get(line.sale, 0) + line.quantity
        return units


@dataclass(frozen=True, kw_only=True)
class PlannedLine:
    """A line that got its units from a bucket."""

    sale: FlashSale
    bucket_id: int
    quantity: int
    gift: GiftWish | None = None


@dataclass(frozen=True, kw_only=True)
class PlannedOrder:
    """A request that was granted; `place` is where in the batch its answer belongs."""

    place: int
    request: ReserveRequest
    lines: tuple[PlannedLine, ...]


@dataclass(kw_only=True)
class Plan:
    """The decisions on a batch of requests."""

    requests: Sequence[ReserveRequest]
    sales: Mapping[UUID, FlashSale]
    at: datetime
    taken: Mapping[Pair, int] | None = None
    granted: list[PlannedOrder] = field(default_factory=list)
    refused: dict[int, DomainError] = field(default_factory=dict)
    demand: dict[Pair, int] = field(default_factory=dict)
    on_offer: set[tuple[UUID, ...]] = field(default_factory=set)

    @property
    def sale_ids(self) -> list[int]:
        return sorted(sale.pk for sale in self.sales.values())

    @property
    def is_spread(self) -> bool:
        """Whether none of the sales depends on a single bucket."""
        return all(sale.bucket_count > 1 for sale in self.sales.values())

    @property
    def limits(self) -> dict[int, int]:
        """What one buyer may have, by sale."""
        return {sale.pk: sale.per_buyer_limit for sale in self.sales.values()}

    def decide(self, book: StockBook) -> None:
        """Grant or refuse each request in turn.

        While all buckets are locked, allowances stay as they are read here. Where only some are, or where `taken` was
        read before, taking finds out.
        """
        if self.taken is None:
            self.taken = taken_by(self.pairs())
        is_open = is_enabled(SALES_OPEN)
        for place, request in enumerate(self.requests):
            try:
                if not is_open:
                    raise SaleClosed("Sales are closed for now.")
                self.grant(place, request, book)
            except DomainError as refusal:
                self.refused[place] = refusal

    def pairs(self) -> Iterable[Pair]:
        """Who wants of what, where it exists."""
        return (
            (self.sales[line.sale].pk, request.buyer.pk)
            for request in self.requests
            for line in request.lines
            if line.sale in self.sales
        )

    def grant(self, place: int, request: ReserveRequest, book: StockBook) -> None:
        """Take everything that a request asks for, or raise and take nothing."""
        units, buyer_id = request.units, request.buyer.id
        self.check_terms(tuple(units))
        self.check_gifts(request)
        self.check_limits(request, units)
        lines = self.take_lines(request, book)
        for sale_id, quantity in units.items():
            pair = (self.sales[sale_id].id, buyer_id)
            self.demand[pair] = self.demand.get(pair, 0) + quantity
        self.granted.append(PlannedOrder(place=place, request=request, lines=lines))

    def check_terms(self, sale_ids: tuple[UUID, ...]) -> None:
        """The sales exist, are open, and cost the same kind of money; a crowd asks for the same ones."""
        if sale_ids in self.on_offer:
            return
        currencies = set()
        for sale_id in sale_ids:
            sale = self.sales.get(sale_id)
            if sale is None or not sale.offer.is_published:
                raise SaleUnknown(sale=sale_id)
            if not sale.is_open(self.at):
                raise SaleClosed(sale=sale_id)
            currencies.add(sale.offer.currency)
        if len(currencies) > 1:
            raise MixedCurrencies(currencies=sorted(currencies))
        self.on_offer.add(sale_ids)

    def check_gifts(self, request: ReserveRequest) -> None:
        """What is to be given away may be, and reaches its receiver while it is worth something."""
        for line in request.lines:
            if not line.gift:
                continue
            offer = self.sales[line.sale].offer
            if not offer.is_giftable:
                raise NotGiftable(f"{offer.title} is for the buyer only.", sale=line.sale)
            if line.gift.deliver_at and line.gift.deliver_at >= offer.voucher_expiry(self.at):
                raise NotGiftable(f"{offer.title} has expired by then.", sale=line.sale)

    def check_limits(self, request: ReserveRequest, units: Mapping[UUID, int]) -> None:
        """The buyer may have that much more, counting what this batch grants them already."""
        for sale_id, quantity in units.items():
            sale = self.sales[sale_id]
            pair = (sale.id, request.buyer.id)
            left = sale.per_buyer_limit - (self.taken or {}).get(pair, 0) - self.demand.get(pair, 0)
            if quantity > left:
                raise LimitReached(
                    f"You may have {max(0, left)} more of {sale.title}.", sale=sale_id, left=max(0, left)
                )

    def take_lines(self, request: ReserveRequest, book: StockBook) -> tuple[PlannedLine, ...]:
        """Units for every line, or none for any."""
        lines: list[PlannedLine] = []
        for line in request.lines:
            sale = self.sales[line.sale]
            bucket_id = book.take(sale.id, line.quantity)
            if bucket_id is None:
                for done in lines:
                    book.give_back(done.bucket_id, done.quantity)
                raise SoldOut(sale=line.sale)
            lines.append(PlannedLine(sale=sale, bucket_id=bucket_id, quantity=line.quantity, gift=line.gift))
        return tuple(lines)
