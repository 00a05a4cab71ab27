"""Looking up who is asking."""

import hashlib

from accounts.models import ApiToken, User


def user_of_token(text: str) -> User | None:
    """The active user behind an API token's text."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    token = ApiToken.objects.select_related("user").filter(digest=digest, revoked_at=None, user__is_active=True).first()
    return token.user if token else None
