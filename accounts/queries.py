"""Looking up who is asking."""

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from uuid import UUID

from accounts.models import ApiToken, User


def user_of_token(text: str) -> User | None:
    """The active user behind an API token's text."""
    return user_of_digest(hashlib.sha256(text.encode()).hexdigest())


def user_of_digest(digest: str) -> User | None:
    """The active user behind the hash of an API token."""
    token = ApiToken.objects.select_related("user").filter(digest=digest, revoked_at=None, user__is_active=True).first()
    return token.user if token else None


def users_of_tokens(digests: Iterable[str]) -> dict[str, User]:
    """Active users behind hashes of API tokens, in one statement. Only their ids can be relied on."""
    tokens = ApiToken.objects.filter(digest__in=list(digests), revoked_at=None, user__is_active=True)
    rows = tokens.values_list("digest", "user", "user__public_id")
    return {digest: known_user(pk, public_id) for digest, pk, public_id in rows}


@lru_cache(maxsize=10_000)
def known_user(pk: int, public_id: UUID) -> User:
    """A user by ids that never change; making one anew for each request would cost more than asking for it."""
    return User(pk=pk, public_id=public_id)
