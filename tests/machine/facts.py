"""What the model compares itself with: a few columns of a few tables, read in one query after each step."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

import orjson
from django.db import connection

TABLES = {
    "orders": "SELECT public_id AS id, state, paid_by_id AS payment, refunded_minor AS refunded FROM orders_order",
    "stock": "SELECT sale_id AS sale, total, reserved, sold FROM orders_salestock",
    "payments": """
        SELECT payment.id, public_id AS key, state, captured_minor AS captured, refunded_minor AS refunded,
            refunding_minor AS refunding, coalesce(refund.asked, 0) AS asked, coalesce(refund.given_up, 0) AS given_up
        FROM payments_payment payment LEFT JOIN (
            SELECT payment_id, sum(amount_minor) FILTER (WHERE state <> 'cancelled') AS asked,
                sum(amount_minor) FILTER (WHERE state = 'cancelled') AS given_up
            FROM payments_refund GROUP BY payment_id
        ) refund ON refund.payment_id = payment.id
    """,
    "failed_refunds": "SELECT id FROM payments_refund WHERE state = 'failed'",
    "vouchers": "SELECT id, state, uses_done AS done, uses_total AS total FROM vouchers_voucher",
    "gifts": "SELECT id, state FROM vouchers_gift",
    "cashback": """
        SELECT event.state, basis_points, original_minor - clawed_back_minor AS kept, bought.public_id AS order
        FROM cashback_cashbackevent event LEFT JOIN orders_orderline line ON line.id = event.order_line_id
        LEFT JOIN orders_order bought ON bought.id = line.order_id
    """,
    "wallets": "SELECT balance_minor AS balance, floor_minor AS floor, kind FROM cashback_account WHERE owner_id > 0",
    "payouts": "SELECT id, public_id AS key, state FROM cashback_payout",
    "dead": "SELECT public_id, last_error FROM events_outboxmessage WHERE state = 'dead'",
}
COLUMNS = [f"'{name}', (SELECT coalesce(json_agg(row), '[]') FROM ({table}) AS row)" for name, table in TABLES.items()]  # noqa: S608  our own
QUERY = f"SELECT json_build_object({', '.join(COLUMNS)})"


class Facts(NamedTuple):
    """Rows by table."""

    orders: Sequence[Any]
    stock: Sequence[Any]
    payments: Sequence[Any]
    failed_refunds: Sequence[Any]
    vouchers: Sequence[Any]
    gifts: Sequence[Any]
    cashback: Sequence[Any]
    wallets: Sequence[Any]
    payouts: Sequence[Any]
    dead: Sequence[Any]


def read_facts() -> Facts:
    with connection.cursor() as cursor:
        cursor.execute(QUERY)
        (found,) = cursor.fetchone()
    tables = found if isinstance(found, dict) else orjson.loads(found)
    return Facts(**{name: [SimpleNamespace(**row) for row in rows] for name, rows in tables.items()})
