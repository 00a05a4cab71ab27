"""Secrets of endpoints and the signatures made with them, as https://www.standardwebhooks.com has it."""

import hashlib
import hmac
import secrets
from base64 import b64decode, b64encode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import datetime

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.utils.encoding import force_bytes

PREFIX = "whsec_"
SECRET_BYTES = 32
PURPOSE = "secrets of webhook endpoints"


def new_secret() -> str:
    """A secret as endpoints are given it."""
    return PREFIX + b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def seal(secret: str) -> str:
    """A secret as the database keeps it: we need it again to sign, a copy of the database must not have it."""
    return locks().encrypt(secret.encode()).decode()


def unseal(sealed: str) -> str:
    """Raises cryptography.fernet.InvalidToken when it was sealed under another SECRET_KEY."""
    return locks().decrypt(sealed.encode()).decode()


def locks() -> MultiFernet:
    """The newest key seals; keys that SECRET_KEY had before still open."""
    keys = [force_bytes(key) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]
    digests = [hmac.digest(key, PURPOSE.encode(), hashlib.sha256) for key in keys]
    return MultiFernet([Fernet(urlsafe_b64encode(digest)) for digest in digests])


def signed_headers(*, webhook_id: str, body: str, given: Sequence[str], at: datetime) -> dict[str, str]:
    """The three headers; a signature for each secret, so that a receiver may know either while it is changed."""
    timestamp = int(at.timestamp())
    content = f"{webhook_id}.{timestamp}.{body}".encode()
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signature(secret, content) for secret in given),
    }


def signature(secret: str, content: bytes) -> str:
    """`v1,` and HMAC-SHA256 as base64."""
    key = b64decode(secret.removeprefix(PREFIX))
    return "v1," + b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
