"""From the tables that django-waffle itself made."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.apps import AppConfig, apps
from django.contrib.auth.models import Group
from django.db import connection

from accounts.models import User
from flags import is_enabled
from flags.context import use_context
from flags.current import current
from flags.queries import definition_of, read_document
from flags.services import import_definitions
from flags.waffle import TablesMissing, Waffle

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def models() -> Iterator[Any]:
    """Waffle's models, without waffle among the site's apps."""
    config = AppConfig.create("waffle")
    config.apps, config.models = apps, apps.all_models["waffle"]
    apps.app_configs["waffle"] = config
    try:
        from waffle import models

        apps.clear_cache()
        yield models
    finally:
        del apps.app_configs["waffle"]
        apps.all_models.pop("waffle", None)
        apps.clear_cache()


@pytest.fixture
def waffle(models: Any, db: None) -> Any:
    """The same with its tables; they go with the test's transaction."""
    with connection.schema_editor() as editor:
        for model in (models.Flag, models.Switch, models.Sample):
            editor.create_model(model)
    return models


def imported() -> Waffle:
    waffle = Waffle()
    import_definitions(definitions=[*waffle.definitions()], actor=None, reason="from waffle")
    current.install(read_document())
    return waffle


def test_database_without_waffle__says_so() -> None:
    with pytest.raises(TablesMissing):
        Waffle()


def test_switches_and_samples__answer_as_they_did(waffle: Any) -> None:
    waffle.Switch.objects.create(name="mail.out", active=True, note="Mails leave")
    waffle.Switch.objects.create(name="mail.in", active=False)
    for name, percent in (("all", 100), ("none", 0)):
        waffle.Sample.objects.create(name=name, percent=percent)

    imported()

    assert [is_enabled(name) for name in ("mail.out", "mail.in", "all", "none")] == [True, False, True, False]
    assert definition_of("mail.out").description == "Mails leave"


@pytest.mark.parametrize(
    ("fields", "who"),
    [
        ({"everyone": True}, {"nobody", "user", "staff", "chief", "member", "named"}),
        ({"everyone": False, "authenticated": True}, set()),
        ({}, {"chief"}),
        ({"superusers": False}, set()),
        ({"superusers": False, "authenticated": True}, {"user", "staff", "chief", "member", "named"}),
        ({"superusers": False, "staff": True}, {"staff"}),
        ({"superusers": False, "percent": "99.9", "staff": True}, None),
        ({"superusers": False, "groups": True}, {"member"}),
        ({"superusers": False, "users": True}, {"named"}),
        ({"superusers": False, "users": True, "groups": True}, {"named", "member"}),
    ],
)
def test_flag__is_on_for_the_same_people(
    waffle: Any, make_user: Callable[..., User], fields: dict[str, Any], who: set[str] | None
) -> None:
    people = {name: make_user() for name in ("user", "staff", "chief", "member", "named")}
    User.objects.filter(pk=people["chief"].pk).update(is_superuser=True)
    group = Group.objects.create(name="beta")
    with_groups, with_users = fields.pop("groups", False), fields.pop("users", False)
    flag = waffle.Flag.objects.create(name="new_checkout", **fields)
    if with_groups:
        flag.groups.add(group)
    if with_users:
        flag.users.add(people["named"])

    imported()

    contexts: dict[str, dict[str, Any]] = {name: {"userId": str(user.public_id)} for name, user in people.items()}
    contexts["staff"]["isStaff"] = True
    contexts["member"]["groups"] = ["beta"]
    found = {name for name, context in {"nobody": {}, **contexts}.items() if asked(context)}
    if who is None:
        assert definition_of("new_checkout").rules[-1].percent == 99.9
    else:
        assert found == who


def asked(context: dict[str, Any]) -> bool:
    with use_context(context):
        return is_enabled("new_checkout")


def test_what_is_not_the_same__is_said(waffle: Any) -> None:
    waffle.Flag.objects.create(name="new checkout!", testing=True, languages="en, de")
    waffle.Switch.objects.create(name="new_checkout")

    found = imported()

    said = " ".join(found.warnings)
    assert "'new checkout!' becomes 'new_checkout'" in said
    assert "query parameter" in said
    assert "'new_checkout' is left out" in said
    assert definition_of("new_checkout").rules[0].constraints[0].values == ("en", "de")
