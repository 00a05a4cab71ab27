"""Looking up who is asking."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache
from uuid import UUID

from accounts.models import User
from coupon_site.database.prepared import prepared_cursor
from coupon_site.database.rows import columns_of, instances_of

USERS_OF_DIGESTS = f"""
SELECT token.digest, {columns_of(User)}
FROM accounts_apitoken AS token JOIN accounts_user ON accounts_user.id = token.user_id
WHERE token.digest = ANY(%s) AND token.revoked_at IS NULL AND accounts_user.is_active
"""  # noqa: S608  names of columns, nobody's input

USERS_OF_TOKENS = """
SELECT token.digest, holder.id, holder.public_id
FROM accounts_apitoken AS token JOIN accounts_user AS holder ON holder.id = token.user_id
WHERE token.digest = ANY(%s) AND token.revoked_at IS NULL AND holder.is_active
"""

PERMISSIONS_OF_USERS = """
SELECT holder.id, kind.app_label || '.' || permission.codename
FROM accounts_user AS holder
CROSS JOIN auth_permission AS permission JOIN django_content_type AS kind ON kind.id = permission.content_type_id
WHERE holder.id = ANY(%s) AND kind.app_label || '.' || permission.codename = ANY(%s) AND holder.is_active AND (
    holder.is_superuser
    OR EXISTS (
        SELECT FROM accounts_user_user_permissions AS own
        WHERE own.user_id = holder.id AND own.permission_id = permission.id
    )
    OR EXISTS (
        SELECT FROM accounts_user_groups AS member JOIN auth_group_permissions AS shared USING (group_id)
        WHERE member.user_id = holder.id AND shared.permission_id = permission.id
    )
)
"""


def user_of_token(text: str) -> User | None:
    """The active user behind an API token's text."""
    return user_of_digest(hashlib.sha256(text.encode()).hexdigest())


def user_of_digest(digest: str) -> User | None:
    """The active user behind the hash of an API token."""
    return users_of_digests([digest]).get(digest)


def users_of_digests(digests: Iterable[str]) -> dict[str, User]:
    """Active users behind hashes of API tokens, in one statement."""
    with prepared_cursor() as cursor:
        cursor.execute(USERS_OF_DIGESTS, [list(digests)])
        return {digest: instances_of([User], row)[0] for digest, *row in cursor.fetchall()}


def permissions_of(users: Iterable[int], *, among: Iterable[str]) -> dict[int, set[str]]:
    """Which of these permissions (`app.codename`) users have, of their own, by a group or as superusers."""
    granted: dict[int, set[str]] = defaultdict(set)
    with prepared_cursor() as cursor:
        cursor.execute(PERMISSIONS_OF_USERS, [list(users), list(among)])
        for user, permission in cursor.fetchall():
            granted[user].add(permission)
    return granted


def users_of_tokens(digests: Iterable[str]) -> dict[str, User]:
    """Active users behind hashes of API tokens, in one statement. Only their ids can be relied on."""
    with prepared_cursor() as cursor:
        cursor.execute(USERS_OF_TOKENS, [list(digests)])
        return {digest: known_user(pk, public_id) for digest, pk, public_id in cursor.fetchall()}


@lru_cache(maxsize=10_000)
def known_user(pk: int, public_id: UUID) -> User:
    """A user by ids that never change; making one anew for each request would cost more than asking for it."""
    return User.from_db(None, ["id", "public_id"], [pk, public_id])
