"""Gifts, orders and stock."""

from monitoring.catalogue.scenarios.scenario import Scenario, Values, grows, shows

CREATED = 'gifts_created_total{job="app-web",mode="link",theme="birthday"}'
CLAIMED = 'gifts_claimed_total{job="app-web",mode="link"}'
EXPIRED = 'gifts_expired_total{job="app-worker",mode="link"}'
ORDERS = 'orders_created_total{job="app-web"}'
ISSUING = 'ticket_generation_failures_total{job="app-worker",reason="database"}'
STOCK = 'flash_sale_inventory_units{job="app-state",product="4f1c"}'
DAY = 1440


def processing(*a_minute: tuple[float, float, float]) -> dict[str, Values]:
    """Orders a minute done within 10, 15 and any number of seconds, by phase."""
    bounds = zip(("10.0", "15.0", "+Inf"), zip(*a_minute, strict=True), strict=True)
    return {
        f'order_processing_duration_seconds_bucket{{job="app-worker",le="{bound}"}}': grows(*phases)
        for bound, phases in bounds
    }


GIFTS = [
    Scenario(
        alert="GiftClaimRateDrop",
        feeds={CLAIMED: grows(1, 0.2, 1)},
        breaks=DAY,
        fires=DAY + 55,
        heals=DAY + 120,
        resolves=DAY + 140,
        evaluated_every=5,
        description="Gifts are opened at 21.38% of the day's average rate (limit 50%).",
        quiet=(
            {CLAIMED: grows(1, 0.51)},
            {CLAIMED: grows(0.0078125, 0)},
        ),
    ),
    Scenario(
        alert="HighGiftExpiryRate",
        feeds={CREATED: grows(1, 1, 1), EXPIRED: grows(0, 2, 0)},
        breaks=60,
        fires=130,
        heals=240,
        resolves=1540,
        evaluated_every=10,
        description="148.1% of the gifts of a day expired unopened (limit 20%).",
        quiet=(
            {CREATED: grows(1), EXPIRED: grows(0.19)},
            {CREATED: grows(0.013), EXPIRED: grows(0.013)},
        ),
    ),
    Scenario(
        alert="LowGiftCreation",
        feeds={CREATED: grows(1, 0.1, 1)},
        breaks=90,
        fires=175,
        heals=240,
        resolves=244,
        description="6 gifts were given in the last hour (limit 10).",
        quiet=({CREATED: grows(1, 0.175)},),
    ),
]
SOLD = [
    Scenario(
        alert="NoOrdersReceived",
        feeds={ORDERS: grows(1, 0, 1)},
        breaks=90,
        fires=154,
        heals=200,
        resolves=200,
        description="No order was created in the last hour.",
        quiet=({ORDERS: grows(0.02)},),
    ),
    Scenario(
        alert="NoOrdersReceived",
        feeds={ORDERS: grows(1, None, 1)},  # no process that counts is left
        breaks=90,
        fires=154,
        heals=200,
        resolves=201,
        description="No order was created in the last hour.",
    ),
    Scenario(
        alert="SlowOrderProcessing",
        feeds=processing((10, 10, 10), (0, 10, 10), (10, 10, 10)),
        fires=20,
        heals=40,
        resolves=44,
        description="95% of all orders take up to 14.75s to their vouchers (limit 10s).",
        quiet=(processing((96, 100, 100)),),
    ),
    Scenario(
        alert="TicketGenerationFailures",
        feeds={ISSUING: grows(0, 90, 0)},
        fires=18,
        heals=30,
        resolves=31,
        description="1.5 attempts to issue vouchers fail a second (limit 1).",
        quiet=({ISSUING: grows(59)},),
    ),
    Scenario(
        alert="InventoryOversold",
        feeds={STOCK: shows(3, -1, 3)},
        fires=10,
        heals=30,
        resolves=30,
        labels={"product": "4f1c"},
        description="Units left of product 4f1c: -1.",
        quiet=({STOCK: shows(0)},),
    ),
]
