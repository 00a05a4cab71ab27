from collections.abc import Callable

import pytest
import redis
from django.db import DatabaseError, transaction
from django.utils import timezone

from accounts.models import User
from events.models import OutboxEvent
from flags import is_enabled
from flags.choices import FlagSource
from flags.errors import ApprovalNeeded, FlagArchived, FlagUnknown, ReasonRequired
from flags.models import Flag, FlagChange, FlagSet
from flags.services import archive_flag, restore_flag, set_flag, update_flag
from flags.tests.conftest import NOBODY, facts_of

pytestmark = pytest.mark.django_db


def version() -> int:
    return FlagSet.objects.get().version


def test_change__raises_versions_and_leaves_who_why_before_and_after(
    make_flag: Callable[..., Flag], user: User
) -> None:
    make_flag("shop.open")
    before = version()

    flag = set_flag(key="shop.open", enabled=True, actor=user, source=FlagSource.API, reason="sale starts")

    flag.refresh_from_db()
    assert (flag.enabled, flag.version, version()) == (True, 2, before + 1)
    change = flag.changes.first()
    assert change
    assert (change.actor, change.source, change.reason) == (user, "api", "sale starts")
    assert change.changed == {"enabled": (False, True)}
    assert change.set_version == version()
    assert (change.before, change.after) == ({**facts_of(flag), "enabled": False}, facts_of(flag))


def test_change__is_announced(make_flag: Callable[..., Flag], user: User) -> None:
    make_flag("shop.open")

    set_flag(key="shop.open", enabled=True, actor=user, source=FlagSource.ADMIN)

    event = OutboxEvent.objects.order_by("-id")[0]
    assert (event.channel, event.event_type, event.aggregate_id) == ("events:flags", "flag.changed", "shop.open")


def test_same_state__changes_nothing(make_flag: Callable[..., Flag]) -> None:
    make_flag("shop.open", enabled=True)
    before = (version(), FlagChange.objects.count(), OutboxEvent.objects.count())

    flag = set_flag(key="shop.open", enabled=True, **NOBODY)

    assert flag.version == 1
    assert (version(), FlagChange.objects.count(), OutboxEvent.objects.count()) == before


def test_protected_flag_without_a_reason__is_refused_and_nothing_changes(make_flag: Callable[..., Flag]) -> None:
    make_flag("shop.open", protected=True)
    before = version()

    with pytest.raises(ReasonRequired):
        set_flag(key="shop.open", enabled=True, **NOBODY, reason="  ")

    assert not Flag.objects.get().enabled
    assert version() == before


def test_protected_flag_that_would_go_on__needs_a_second_person(make_flag: Callable[..., Flag]) -> None:
    make_flag("shop.open", protected=True)

    with pytest.raises(ApprovalNeeded):
        set_flag(key="shop.open", enabled=True, **NOBODY, reason="sale starts")


def test_protected_flag_with_a_reason__goes_off_at_once(make_flag: Callable[..., Flag]) -> None:
    make_flag("shop.open", protected=True, enabled=True)

    assert not set_flag(key="shop.open", enabled=False, **NOBODY, reason="it burns").enabled


def test_taking_the_protection_away__needs_a_reason_too(make_flag: Callable[..., Flag]) -> None:
    make_flag("shop.open", protected=True)

    with pytest.raises(ReasonRequired):
        update_flag(key="shop.open", protected=False, **NOBODY)


def test_unknown_flag__is_refused_with_what_was_meant(make_flag: Callable[..., Flag]) -> None:
    make_flag("checkout.new_flow")

    with pytest.raises(FlagUnknown, match=r"Did you mean 'checkout.new_flow'\?"):
        set_flag(key="checkout.new_flwo", enabled=True, **NOBODY)

    assert Flag.objects.count() == 1


@pytest.mark.parametrize("default", [True, False])
def test_declared_flag_that_is_missing__is_made_and_turned(declare_flag: Callable[..., str], default: bool) -> None:
    declare_flag("shop.open", default=default, description="Orders are taken", kind="kill_switch")

    flag = set_flag(key="shop.open", enabled=False, **NOBODY)

    assert (flag.enabled, flag.description, flag.kind) == (False, "Orders are taken", "kill_switch")
    assert [change.before is None for change in flag.changes.all()] == ([False, True] if default else [True])


def test_archived_flag__stays_off_until_it_is_restored(make_flag: Callable[..., Flag]) -> None:
    make_flag("shop.open", enabled=True)

    archive_flag(key="shop.open", at=timezone.now(), **NOBODY)

    assert not Flag.objects.get().enabled
    with pytest.raises(FlagArchived):
        set_flag(key="shop.open", enabled=True, **NOBODY)
    restore_flag(key="shop.open", **NOBODY)
    assert set_flag(key="shop.open", enabled=True, **NOBODY).enabled


def test_archiving_twice__keeps_the_first_moment(make_flag: Callable[..., Flag]) -> None:
    make_flag("shop.open")
    first = archive_flag(key="shop.open", at=timezone.now(), **NOBODY).archived_at

    again = archive_flag(key="shop.open", at=timezone.now(), **NOBODY)

    assert again.archived_at == first
    assert FlagChange.objects.count() == 2


@pytest.mark.parametrize("verb", ["update", "delete"])
def test_history__can_not_be_rewritten(make_flag: Callable[..., Flag], verb: str) -> None:
    flag = make_flag("shop.open")

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        flag.changes.update(reason="it was not me") if verb == "update" else flag.changes.all().delete()


@pytest.mark.django_db(transaction=True)
def test_rolled_back_change__never_reaches_redis(
    make_flag: Callable[..., Flag], turn: Callable[..., Flag], shared: redis.Redis
) -> None:
    make_flag("shop.open")
    before = (shared.get("feature:flags:version"), shared.hgetall("feature:flags"))

    with transaction.atomic():
        turn("shop.open", True)
        seen_inside = shared.hget("feature:flags", "shop.open")
        transaction.set_rollback(True)

    assert seen_inside == "0"
    assert not is_enabled("shop.open")
    assert (shared.get("feature:flags:version"), shared.hgetall("feature:flags")) == before
    assert not OutboxEvent.objects.filter(payload__contains='"enabled":true').exists()


@pytest.mark.django_db(transaction=True)
def test_committed_change__is_in_the_hash_and_on_the_channel(
    make_flag: Callable[..., Flag], turn: Callable[..., Flag], shared: redis.Redis
) -> None:
    make_flag("new_checkout")
    make_flag("checkout.new_flow", enabled=True)
    with shared.pubsub() as subscription:
        subscription.subscribe("feature:flags:changed")
        assert subscription.get_message(timeout=60)  # of the subscription

        turn("new_checkout", True)

        message = subscription.get_message(timeout=60)
    assert shared.hgetall("feature:flags") == {"new_checkout": "1", "checkout.new_flow": "1"}
    assert message
    assert message["data"] == shared.get("feature:flags:version") == "3"


@pytest.mark.django_db(transaction=True)
def test_redis_away_while_writing__the_change_stands(
    make_flag: Callable[..., Flag], turn: Callable[..., Flag], settings: object
) -> None:
    make_flag("shop.open")
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    turn("shop.open", True)

    assert Flag.objects.get().enabled
