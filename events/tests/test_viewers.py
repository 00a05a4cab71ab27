"""Who is behind tokens and sessions, and what they may see."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from accounts.services import issue_token, revoke_token
from conftest import MakeUser
from events.hub.viewer import viewers_of
from events.tickets import Identity

ORDERS, STAFF = "events:orders", "perm:orders.view_order"

pytestmark = pytest.mark.django_db


@pytest.fixture
def token_of() -> Callable[[User], Identity]:
    def token_of(user: User) -> Identity:
        token, _ = issue_token(user=user, name="shop front")
        return Identity(user=0, token=token.digest)

    return token_of


@pytest.fixture
def permission() -> Permission:
    return Permission.objects.get(codename="view_order")


def test_right_of_its_own_by_group_or_as_superuser__shows_the_whole_channel(
    make_user: MakeUser, token_of: Callable[[User], Identity], permission: Permission
) -> None:
    customer, holder, member, superuser = (make_user() for _ in range(4))
    holder.user_permissions.add(permission)
    group = Group.objects.create(name="readers")
    group.permissions.add(permission)
    member.groups.add(group)
    User.objects.filter(pk=superuser.pk).update(is_superuser=True)
    people = {user.public_id: token_of(user) for user in (customer, holder, member, superuser)}

    viewers = viewers_of(people.values())

    seen = {who: viewers[identity].access[ORDERS] for who, identity in people.items()}
    assert seen == {
        customer.public_id: f"user:{customer.public_id}",
        holder.public_id: STAFF,
        member.public_id: STAFF,
        superuser.public_id: STAFF,
    }


def test_what_is_no_longer_good__is_left_out(make_user: MakeUser, token_of: Callable[[User], Identity]) -> None:
    left, gone, out = make_user(), make_user(), make_user()
    good, revoked, inactive = token_of(left), token_of(left), token_of(gone)
    revoke_token(token=left.tokens.get(digest=revoked.token))
    User.objects.filter(pk=gone.pk).update(is_active=False)
    client = Client()
    client.force_login(out)
    ended = Identity(user=out.pk, session_key=client.session.session_key or "")
    client.logout()
    nobody = uuid4().hex
    unknown = [Identity(user=0, token=nobody), Identity(user=0, session_key=nobody), Identity(user=0)]

    assert set(viewers_of([good, revoked, inactive, ended, *unknown])) == {good}


def test_session_and_user_alone__are_known_too(make_user: MakeUser) -> None:
    user = make_user()
    client = Client()
    client.force_login(user)
    identities = [Identity(user=0, session_key=client.session.session_key or ""), Identity(user=user.pk)]

    viewers = viewers_of(identities)

    assert [viewers[identity].user for identity in identities] == [user, user]


@pytest.mark.parametrize("crowd", [1, 30])
def test_crowd_with_tokens__costs_two_statements(
    make_user: MakeUser,
    token_of: Callable[[User], Identity],
    django_assert_num_queries: DjangoAssertNumQueries,
    crowd: int,
) -> None:
    people = [token_of(make_user()) for _ in range(crowd)]

    with django_assert_num_queries(2):
        assert len(viewers_of(people)) == crowd
