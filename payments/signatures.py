"""The signature of webhooks: a header `t=<unix seconds>,v1=<hex>`, HMAC-SHA256 over `<t>.<body>`, as Stripe has it."""

import hashlib
import hmac
from collections.abc import Sequence

from stripe import SignatureVerificationError, WebhookSignature

from payments.errors import WebhookRefused

TOLERANCE_SECONDS = 300


def sign(body: bytes, *, secret: str, at: int) -> str:
    """The header's value for a body sent at `at` (Unix seconds)."""
    return f"t={at},v1={digest(body, secret=secret, at=at)}"


def digest(body: bytes, *, secret: str, at: int) -> str:
    """Hex of the HMAC over time and body."""
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()


def verify(header: str, body: bytes, *, secrets: Sequence[str], at: float) -> None:
    """Raises WebhookRefused unless a digest of the header fits a secret and its time is near `at`, both ways."""
    sent_at, digests = check_form(header, secrets=secrets, at=at)
    valid = [digest(body, secret=secret, at=sent_at).encode() for secret in secrets]
    if not any(hmac.compare_digest(given.encode(), known) for given in digests for known in valid):
        raise WebhookRefused("wrong_signature", "The signature does not fit the body.")


def verify_by_stripe(header: str, body: bytes, *, secrets: Sequence[str], at: float) -> None:
    """The same with Stripe's library, which takes one secret at a time and any time in the future."""
    check_form(header, secrets=secrets, at=at)
    if not any(fits(header, body, secret) for secret in secrets):
        raise WebhookRefused("wrong_signature", "The signature does not fit the body.")


def fits(header: str, body: bytes, secret: str) -> bool:
    """Whether Stripe's library takes the signature."""
    try:
        WebhookSignature.verify_header(body, header, secret, TOLERANCE_SECONDS)
    except (SignatureVerificationError, UnicodeDecodeError):
        return False
    return True


def check_form(header: str, *, secrets: Sequence[str], at: float) -> tuple[int, list[str]]:
    """Time and digests of a header that could be right. Raises WebhookRefused."""
    if not secrets:
        raise WebhookRefused("no_secret", "No webhook secret is configured here.")
    if not header:
        raise WebhookRefused("no_signature", "The signature header is missing.")
    sent_at, digests = parse(header)
    if abs(at - sent_at) > TOLERANCE_SECONDS:
        raise WebhookRefused("timestamp", f"The timestamp is more than {TOLERANCE_SECONDS} s away from now.")
    return sent_at, digests


def parse(header: str) -> tuple[int, list[str]]:
    """Time and v1 digests of a header; other versions are skipped."""
    pairs = [part.strip().partition("=") for part in header.split(",")]
    times = [value for name, _, value in pairs if name == "t"]
    digests = [value for name, _, value in pairs if name == "v1"]
    if len(times) != 1 or not digests or not (times[0].isascii() and times[0].isdecimal() and len(times[0]) <= 12):
        raise WebhookRefused("malformed_signature", "The signature header has the form t=<unix seconds>,v1=<hex>.")
    return int(times[0]), digests
