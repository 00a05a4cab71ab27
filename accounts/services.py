"""Making users and tokens, and telling when their rights change."""

import hashlib
import secrets
from collections.abc import Iterable
from functools import partial

from django.contrib.auth.models import Group
from django.db import transaction
from django.utils import timezone

from accounts.models import ApiToken, User
from accounts.registry import rights_observers

PREFIX = "cs_"


@transaction.atomic
def create_user(
    *, email: str, password: str | None = None, name: str = "", is_staff: bool = False, groups: Iterable[str] = ()
) -> User:
    """A new user in the named groups; without a password they can't sign in to pages."""
    user = User(email=User.objects.normalize_email(email), name=name, is_staff=is_staff)
    user.set_password(password)
    user.full_clean(exclude=["password"])
    user.save(force_insert=True)
    user.groups.set(Group.objects.filter(name__in=list(groups)))
    return user


@transaction.atomic
def issue_token(*, user: User, name: str) -> tuple[ApiToken, str]:
    """A new API token and its text, which is shown once and never kept."""
    text = PREFIX + secrets.token_urlsafe(32)
    return keep_token(user=user, name=name, text=text), text


def keep_token(*, user: User, name: str, text: str) -> ApiToken:
    """Keep the hash of a token's text."""
    return ApiToken.objects.create(user=user, name=name, digest=digest_of(text), hint=text[:8])


@transaction.atomic
def revoke_token(*, token: ApiToken) -> None:
    """The token is refused from now on."""
    ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now())
    announce_rights(users=[token.user])


def announce_rights(*, users: Iterable[User]) -> None:
    """These users may do more or less than before: when this transaction commits, all who watch are told."""
    if ids := [user.public_id for user in users]:
        for observer in rights_observers:
            transaction.on_commit(partial(observer, ids), robust=True)


def digest_of(text: str) -> str:
    """SHA-256: the text has 256 random bits, so that no slow hash is needed."""
    return hashlib.sha256(text.encode()).hexdigest()
