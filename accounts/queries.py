"""Looking up who is asking."""

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from uuid import UUID

from accounts.models import User
from coupon_site.database.prepared import prepared_cursor
from coupon_site.database.rows import columns_of, instances_of

USER_OF_TOKEN = f"""
SELECT {columns_of(User)} FROM accounts_apitoken AS token JOIN accounts_user ON accounts_user.id = token.user_id
WHERE token.digest = %s AND token.revoked_at IS NULL AND accounts_user.is_active
"""  # noqa: S608  names of columns, nobody's input

USERS_OF_TOKENS = """
SELECT token.digest, holder.id, holder.public_id
FROM accounts_apitoken AS token JOIN accounts_user AS holder ON holder.id = token.user_id
WHERE token.digest = ANY(%s) AND token.revoked_at IS NULL AND holder.is_active
"""


def user_of_token(text: str) -> User | None:
    """The active user behind an API token's text."""
    return user_of_digest(hashlib.sha256(text.encode()).hexdigest())


def user_of_digest(digest: str) -> User | None:
    """The active user behind the hash of an API token."""
    with prepared_cursor() as cursor:
        cursor.execute(USER_OF_TOKEN, [digest])
        row = cursor.fetchone()
    user: User | None = instances_of([User], row)[0] if row else None
    return user


def users_of_tokens(digests: Iterable[str]) -> dict[str, User]:
    """Active users behind hashes of API tokens, in one statement. Only their ids can be relied on."""
    with prepared_cursor() as cursor:
        cursor.execute(USERS_OF_TOKENS, [list(digests)])
        return {digest: known_user(pk, public_id) for digest, pk, public_id in cursor.fetchall()}


@lru_cache(maxsize=10_000)
def known_user(pk: int, public_id: UUID) -> User:
    """A user by ids that never change; making one anew for each request would cost more than asking for it."""
    return User.from_db(None, ["id", "public_id"], [pk, public_id])
