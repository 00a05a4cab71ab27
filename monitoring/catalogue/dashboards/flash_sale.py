"""A sale that everybody wants at once: made to be watched while it runs."""

from monitoring.catalogue.dashboards.colors import BAD, CALM, NOTICE, OUTCOMES, QUANTILES
from monitoring.catalogue.dashboards.panel import Board, Dial, Lines, Panel, Pie, Query, Row, Stat
from monitoring.catalogue.dashboards.promql import chosen, highest, increase, lowest, mean, quantile, rate, state, total
from monitoring.catalogue.links import Dashboard

STOCK = state("flash_sale_inventory_units")
SELLING = f"(-deriv({STOCK}[5m]) > 0)"
FAILED = chosen("orders_total", 'status="failed"')
PROCESSING = chosen("order_processing_duration_seconds_bucket")

ORDERS = Row(
    title="Orders",
    runbook="SlowOrderProcessing",
    panels=(
        Panel(
            title="Order Status Distribution",
            text=(
                "What became of the orders that ended in the last 15 minutes. "
                "Failed: not paid in time, cancelled or declined."
            ),
            queries=(Query(total(increase(chosen("orders_total"), "15m"), "status"), "{{status}}", now=True),),
            unit="short",
            view=Pie(),
            window="15m",
            colors=OUTCOMES,
            width=6,
            decimals=0,
            seeds=("P1",),
        ),
        Panel(
            title="Order Throughput",
            text="Orders created, a second.",
            queries=(Query(total(rate(chosen("orders_created_total"))), "orders"),),
            unit="ops",
            colors=(("orders", CALM),),
            width=12,
            seeds=("P2",),
        ),
        Panel(
            title="Current Queue Length",
            text="Messages and events that wait to be worked on. At the red mark the workers are too few.",
            queries=(Query(total(state("flash_sale_queue_length")), "waiting", now=True),),
            unit="short",
            view=Dial(),
            alerts=("OutboxQueueBacklog",),
            width=6,
            maximum=2000,
            seeds=("P3",),
        ),
        Panel(
            title="Order Processing Latency",
            text="From the reservation of stock to vouchers in the customer's hands.",
            queries=(
                Query(mean("order_processing_duration_seconds"), "average"),
                Query(quantile(0.95, PROCESSING), "p95", exemplars=True),
                Query(quantile(0.99, PROCESSING), "p99"),
            ),
            unit="s",
            colors=QUANTILES,
            width=12,
            seeds=("P4",),
        ),
        Panel(
            title="Error Rate",
            text="The share of ended orders that came to nothing.",
            queries=(
                Query(
                    f"{total(rate(FAILED))} / {total(rate(chosen('orders_total')))}",
                    "failed",
                ),
            ),
            unit="percentunit",
            colors=OUTCOMES,
            width=6,
            seeds=("P6",),
        ),
        Panel(
            title="Orders Waiting for Money",
            text="Orders that hold stock until they are paid; overdue ones should have been released already.",
            queries=(
                Query(highest(state("orders_pending")), "pending"),
                Query(highest(state("orders_overdue")), "overdue"),
            ),
            unit="short",
            colors=(("pending", CALM), ("overdue", BAD)),
            width=6,
        ),
    ),
)

STOCK_ROW = Row(
    title="Stock",
    runbook="InventoryOversold",
    panels=(
        Panel(
            title="Inventory Levels",
            text="Units left of every product on sale.",
            queries=(Query(lowest(STOCK, "product"), "{{product}}"),),
            unit="short",
            width=9,
            seeds=("P5",),
        ),
        Panel(
            title="Depletion Rate",
            text="Units that go, a second, over the last 5 minutes.",
            queries=(Query(f"-deriv({STOCK}[5m])", "{{product}}"),),
            unit="cps",
            window="5m",
            width=6,
        ),
        Panel(
            title="Sold Out in",
            text="At the pace of the last 5 minutes. Products that nobody buys are left out.",
            queries=(Query(f"{STOCK} / {SELLING}", "{{product}}"),),
            unit="dtdurations",
            window="5m",
            width=6,
        ),
        Panel(
            title="Oversell Check",
            text="The product with the fewest units left. Below 0 more was sold than there is: stop the sale.",
            queries=(Query(lowest(STOCK), "fewest", now=True),),
            unit="short",
            view=Stat(),
            width=3,
        ),
        Panel(
            title="Refusals",
            text=(
                "Attempts that made no order, by reason. "
                "A sale that is sold out refuses most of them: that is as it should be."
            ),
            queries=(Query(total(rate(chosen("orders_refused_total")), "reason"), "{{reason}}"),),
            unit="ops",
            view=Lines(stacked=True),
            colors=OUTCOMES,
            width=12,
        ),
        Panel(
            title="Answers of the Gate",
            text=(
                "The gate in Redis turns the crowd away before it reaches the database. "
                "Unavailable: Redis did not know the sale."
            ),
            queries=(Query(total(rate(chosen("order_gate_answers_total")), "answer"), "{{answer}}"),),
            unit="ops",
            view=Lines(stacked=True),
            colors=(*OUTCOMES, ("unavailable", NOTICE)),
            width=12,
        ),
    ),
)

WORK = Row(
    title="Work behind the orders",
    runbook="OutboxQueueBacklog",
    panels=(
        Panel(
            title="Active Jobs",
            text="Messages that workers are at, by queue.",
            queries=(Query(total(state("flash_sale_jobs_active"), "queue"), "{{queue}}"),),
            unit="short",
            view=Lines(stacked=True),
        ),
        Panel(
            title="Queue Length by Queue",
            text="Messages that wait, by queue.",
            queries=(Query(total(state("flash_sale_queue_length"), "queue"), "{{queue}}"),),
            unit="short",
            view=Lines(stacked=True),
            alerts=("OutboxQueueBacklog",),
        ),
        Panel(
            title="Job Processing Time (p95)",
            text="95 of 100 messages are worked off within this time, by queue.",
            queries=(Query(quantile(0.95, chosen("flash_sale_job_duration_seconds_bucket"), "queue"), "{{queue}}"),),
            unit="s",
        ),
    ),
)

FLASH_SALE = Board(
    uid=Dashboard.FLASH_SALE,
    title="Flash sale",
    text="A sale that everybody wants at once: orders, stock and the work behind them, as they happen.",
    rows=(ORDERS, STOCK_ROW, WORK),
    refresh="5s",
    since="now-15m",
    seeds=("PF1",),
)
