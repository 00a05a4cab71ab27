"""Refusals of orders. A refused attempt makes no order; it is counted by its code."""

from coupon_site.errors import DomainError


class SaleUnknown(DomainError):
    status = 404
    code = "sale_unknown"
    title = "There is no such sale"


class SaleClosed(DomainError):
    code = "sale_closed"
    title = "The sale is not open"


class LimitReached(DomainError):
    code = "limit_reached"
    title = "No buyer may have more of this sale"


class SoldOut(DomainError):
    code = "sold_out"
    title = "Sold out"


class MixedCurrencies(DomainError):
    status = 400
    code = "mixed_currencies"
    title = "An order has one currency"


class SaleBusy(DomainError):
    status = 503
    code = "sale_busy"
    title = "Too many others at once: try again"


class NotGiftable(DomainError):
    code = "not_giftable"
    title = "This can't be given away"


class NotPayable(DomainError):
    code = "not_payable"
    title = "The order takes no payment now"


class NotRefundable(DomainError):
    code = "not_refundable"
    title = "The order has no money to give back"


class StockTaken(DomainError):
    code = "stock_taken"
    title = "More units are reserved or sold than that"


REFUSALS = (SaleUnknown, SaleClosed, LimitReached, SoldOut, MixedCurrencies, NotGiftable, SaleBusy)
