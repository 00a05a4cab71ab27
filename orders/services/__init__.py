"""Every write of orders."""

from orders.services.catalogue import (
    add_stock,
    close_sale,
    create_merchant,
    create_offer,
    open_sale,
    set_members,
    update_merchant,
    update_offer,
)
from orders.services.closing import cancel_order, expire_orders
from orders.services.fresh import NewLine, NewOrder
from orders.services.gatekeeping import rebuild_gate
from orders.services.late import give_back_won
from orders.services.paying import pay_order, release_payment, retry_payment
from orders.services.plan import LineRequest, ReserveRequest
from orders.services.refunding import before_refund, book_refund, charge_back_order, refund_order
from orders.services.reservation import counted, place_in_turn, place_order, place_orders, reserve, turns
from orders.services.settlement import confirm_order, mark_fulfilled

__all__ = [
    "LineRequest",
    "NewLine",
    "NewOrder",
    "ReserveRequest",
    "add_stock",
    "before_refund",
    "book_refund",
    "cancel_order",
    "charge_back_order",
    "close_sale",
    "confirm_order",
    "counted",
    "create_merchant",
    "create_offer",
    "expire_orders",
    "give_back_won",
    "mark_fulfilled",
    "open_sale",
    "pay_order",
    "place_in_turn",
    "place_order",
    "place_orders",
    "rebuild_gate",
    "refund_order",
    "release_payment",
    "reserve",
    "retry_payment",
    "set_members",
    "turns",
    "update_merchant",
    "update_offer",
]
