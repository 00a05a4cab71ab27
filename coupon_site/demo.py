"""Who signs in to the demo shop: secrets derived from this checkout's own key, printed at every start."""

from dataclasses import dataclass

from coupon_site.settings import secret

STAFF_EMAIL = "staff@coupon-site.example"
SHOPPERS = 40


@dataclass(frozen=True)
class Credentials:
    """The demo's staff login and its first shopper's token."""

    email: str
    password: str
    shopper_token: str


def credentials() -> Credentials:
    return Credentials(STAFF_EMAIL, secret("DEMO_PASSWORD")[:16], token_of(1))


def shopper_email(number: int) -> str:
    return f"shopper{number:02}@coupon-site.example"


def token_of(number: int) -> str:
    """The API token of a demo shopper."""
    return "cs_" + secret(f"DEMO_TOKEN_{number}")


def device_key_of(merchant: str) -> str:
    """The key of a demo merchant's scanner."""
    return "dk_" + secret(f"DEMO_DEVICE_{merchant}")
