from prometheus_client import REGISTRY, generate_latest

from orders.errors import REFUSALS
from orders.metrics import REFUSALS as COUNTED
from payments.metrics import PROVIDERS


def test_every_series__exists_from_the_start() -> None:
    exposition = generate_latest(REGISTRY).decode()

    for series in [
        "orders_created_total ",
        'orders_total{status="success"} ',
        'orders_total{status="failed"} ',
        *(f'orders_refused_total{{reason="{refusal.code}"}} ' for refusal in REFUSALS),
        *(f'payment_total{{provider="{provider}"}} ' for provider in PROVIDERS),
        *(f'payment_success_total{{provider="{provider}"}} ' for provider in PROVIDERS),
        *(f'payment_declined_total{{provider="{provider}"}} ' for provider in PROVIDERS),
    ]:
        assert exposition.count(f"\n{series}") == 1, series


def test_slow_orders__can_be_told_from_fast_ones() -> None:
    exposition = generate_latest(REGISTRY).decode()

    bounds = [
        f'order_processing_duration_seconds_bucket{{le="{le}"}}' for le in ("0.1", "0.5", "10.0", "120.0", "+Inf")
    ]
    assert all(bound in exposition for bound in bounds)


def test_names_of_two_counters__do_not_run_into_each_other() -> None:
    families = [line for line in generate_latest(REGISTRY).decode().splitlines() if line.startswith("# TYPE orders")]

    assert len(families) == len(set(families))
    assert "# TYPE orders_created gauge" not in families


def test_every_refusal__has_its_counter() -> None:
    assert {refusal.code for refusal in REFUSALS} == set(COUNTED)
