"""`manage.py outbox`."""

from collections.abc import Callable
from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from events.models import OutboxMessage

MakeMessage = Callable[..., OutboxMessage]


def outbox(*arguments: str) -> str:
    out = StringIO()
    call_command("outbox", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def dead(make_message: MakeMessage) -> OutboxMessage:
    return make_message(state="dead", finished_at=timezone.now(), last_error="ValueError: no stock", attempts=6)


def test_list__shows_state_and_error(dead: OutboxMessage, make_message: MakeMessage) -> None:
    make_message(topic="elsewhere")

    text = outbox("list")

    assert str(dead.pk) in text
    assert "ValueError: no stock" in text
    assert "Done: 2 messages listed." in text
    assert "Done: 1 messages listed." in outbox("list", "--state", "dead")
    assert "Done: 1 messages listed." in outbox("list", "--topic", "elsewhere")


def test_replay_and_purge_by_id__touch_that_message(dead: OutboxMessage, make_message: MakeMessage) -> None:
    other = make_message(state="dead", finished_at=timezone.now())

    assert "Done: 1 messages are due again." in outbox("replay", str(dead.pk))
    assert "Done: 1 messages removed." in outbox("purge", str(other.pk))
    assert "Done: 0 messages removed." in outbox("purge", str(dead.pk), str(uuid4()))

    assert list(OutboxMessage.objects.values_list("state", flat=True)) == ["pending"]


def test_all__means_every_dead_message_that_the_filters_leave(dead: OutboxMessage, make_message: MakeMessage) -> None:
    make_message(topic="elsewhere", state="dead", finished_at=timezone.now())

    assert "Done: 1 messages are due again." in outbox("replay", "--all", "--topic", "elsewhere")
    assert "Done: 1 messages removed." in outbox("purge", "--all")


@pytest.mark.parametrize("verb", ["replay", "purge"])
def test_nothing_chosen__changes_nothing(dead: OutboxMessage, verb: str) -> None:
    with pytest.raises(CommandError, match="--all"):
        outbox(verb)

    dead.refresh_from_db()
    assert dead.state == "dead"
