from collections.abc import Callable

import pytest
from django.contrib.auth.models import AnonymousUser, Group

from accounts.models import User
from flags.models import NamespaceGrant
from flags.rights import Rights, may_approve, may_change

pytestmark = pytest.mark.django_db


@pytest.fixture
def team(make_user: Callable[..., User]) -> Callable[..., User]:
    """A member of a group that has these grants: team(checkout=True) may approve, too."""

    def make(**grants: bool) -> User:
        group, _ = Group.objects.get_or_create(name="checkout team")
        for namespace, approves in grants.items():
            NamespaceGrant.objects.create(group=group, namespace=namespace.replace("_", "."), may_approve=approves)
        return make_user(groups=["checkout team"])

    return make


@pytest.mark.parametrize(
    ("key", "may"),
    [
        ("checkout", True),
        ("checkout.new", True),
        ("checkout.new.flow", True),
        ("checkouts.new", False),
        ("checkout-2.new", False),
        ("shop.checkout", False),
    ],
)
def test_grant__is_for_the_prefix_and_what_is_below(team: Callable[..., User], key: str, may: bool) -> None:
    user = team(checkout=False)

    assert may_change(user, key) is may
    assert not may_approve(user, key)


def test_grant_with_approval__approves_there_only(team: Callable[..., User]) -> None:
    user = team(checkout_new=True, shop=False)

    assert may_approve(user, "checkout.new.flow")
    assert not may_approve(user, "checkout")
    assert not may_approve(user, "shop")
    assert may_change(user, "shop.open")


def test_flag_editor__does_both_everywhere(make_user: Callable[..., User]) -> None:
    editor = make_user(groups=["flag-editors"])

    assert may_change(editor, "any.thing")
    assert may_approve(editor, "any.thing")


@pytest.mark.parametrize("groups", [[], ["operators"], ["finance"]])
def test_others__do_neither(make_user: Callable[..., User], groups: list[str]) -> None:
    user = make_user(groups=groups)

    assert not may_change(user, "a")
    assert not may_approve(user, "a")
    assert not Rights.of(user).changes_any


def test_nobody_and_who_left__may_nothing(superuser: User) -> None:
    assert may_change(superuser, "a")
    superuser.is_active = False

    assert not may_change(superuser, "a")
    assert not may_change(AnonymousUser(), "a")


def test_many_flags__cost_no_more_than_one(
    team: Callable[..., User], django_assert_max_num_queries: Callable[..., object]
) -> None:
    user = team(checkout=False)

    with django_assert_max_num_queries(3):  # type: ignore[attr-defined]
        rights = Rights.of(user)
        assert sum(rights.may_change(f"checkout.f{number}") for number in range(100)) == 100
