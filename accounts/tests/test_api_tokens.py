"""Who a token lets in."""

import pytest
from django.core.exceptions import ValidationError
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import ApiToken, User
from accounts.queries import user_of_token
from accounts.services import create_user, issue_token, revoke_token

ADDRESS = "/api/v1/orders/"


def get(text: str) -> int:
    return APIClient().get(ADDRESS, headers={"Authorization": f"Bearer {text}"}).status_code


def test_issued_token__lets_its_user_in_and_is_not_kept(user: User) -> None:
    token, text = issue_token(user=user, name="shop front")

    assert get(text) == 200
    assert text not in str(ApiToken.objects.values().get(pk=token.pk))


def test_user_of_a_token__is_the_whole_user_in_one_statement(
    operator: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    _, text = issue_token(user=operator, name="shop front")
    issue_token(user=operator, name="another")

    with django_assert_num_queries(1):
        found = user_of_token(text)

    assert found is not None
    fields = [field.attname for field in User._meta.concrete_fields]
    assert [vars(found)[name] for name in fields] == [getattr(operator, name) for name in fields]
    assert found.has_perm("orders.view_order")


def test_revoked_token__is_refused(user: User) -> None:
    token, text = issue_token(user=user, name="shop front")

    revoke_token(token=token)

    assert get(text) == 401


def test_token_of_a_user_switched_off__is_refused(user: User) -> None:
    _, text = issue_token(user=user, name="shop front")

    User.objects.filter(pk=user.pk).update(is_active=False)

    assert get(text) == 401


@pytest.mark.parametrize("text", ["", "cs_unknown", "\x7f", "ü"])
def test_unknown_token__is_a_challenge(db: None, text: str) -> None:
    answer = APIClient().get(ADDRESS, headers={"Authorization": f"Bearer {text}"})

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_email_in_other_case__is_taken(user: User) -> None:
    with pytest.raises(ValidationError):
        create_user(email=user.email.upper())
