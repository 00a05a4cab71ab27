import pytest

from payments.errors import ProviderRefused
from payments.providers.stripe_amounts import from_stripe, to_stripe


@pytest.mark.parametrize(
    ("minor", "currency", "amount"),
    [(1250, "GBP", 1250), (500, "JPY", 500), (500, "ISK", 50_000), (5120, "KWD", 5120), (1000, "UGX", 1000)],
    ids=["GBP", "JPY", "ISK", "KWD", "UGX"],
)
def test_amount__goes_there_and_back(minor: int, currency: str, amount: int) -> None:
    assert to_stripe(minor, currency) == amount
    assert from_stripe(amount, currency) == minor


def test_three_decimals__end_in_a_nought() -> None:
    with pytest.raises(ProviderRefused):
        to_stripe(5124, "KWD")
