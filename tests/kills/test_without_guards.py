"""What a kill does where a guard is off: if these fail, the others prove nothing."""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from django.utils import timezone

from coupon_site.models import StateChange
from events import enqueue, task
from events.models import OutboxMessage
from events.relay import Relay
from events.relay.ledger import Ledger
from events.services import execution, finish
from events.tests.processes import wait_for
from events.worker import Worker
from orders.models import Order
from payments.models import SandboxCharge
from payments.providers.sandbox import SandboxProvider
from tests.crowd import KILLED, Crowd
from tests.kills.afterwards import BOUGHT, bought, come_to_rest, numbers, stream
from tests.kills.stages import Stage, relay, work

pytestmark = pytest.mark.django_db(transaction=True)


@task(topic="kills")
def note_down(message: OutboxMessage) -> None:
    """A handler that minds being called twice."""
    StateChange.objects.create(model="sample", object_id=uuid4(), from_state="", to_state="noted")


NOTE_DOWN = f"{__name__}.note_down"


def as_it_is() -> None:
    """Every guard is on."""


def without_transaction() -> None:
    """The write that finishes a message is not committed together with what its handler wrote."""
    execution.attempt = execution.attempt.__wrapped__  # type: ignore[attr-defined]


def without_lease() -> None:
    """What is claimed counts as delivered."""
    claim = Worker.claim

    def claim_and_forget(self: Worker, **lane: bool) -> list[OutboxMessage]:
        claimed = claim(self, **lane)
        finish(messages=claimed, at=timezone.now())
        return claimed

    Worker.claim = claim_and_forget  # type: ignore[method-assign]
    execution.renew = execution.finish = lambda **named: None


def without_key() -> None:
    """The bank is told nothing by which it could know a charge again."""
    call = SandboxProvider.call

    def call_as_new(self: SandboxProvider, method: str, path: str, body: Any = None) -> Any:
        return call(self, method, path, body and {**body, "key": str(uuid4())})

    SandboxProvider.call = call_as_new  # type: ignore[method-assign]


def without_leftovers() -> None:
    """Nobody looks for what an earlier relay has numbered and not published."""
    Ledger.leftovers = lambda self, channel: []  # type: ignore[method-assign]


@pytest.mark.parametrize(
    ("unguard", "notes"), [(as_it_is, 1), (without_transaction, 2)], ids=["guarded", "without-transaction"]
)
def test_handler_that_minds__is_kept_from_harm_by_the_transaction(
    crowd: Crowd, unguard: Callable[[], None], notes: int
) -> None:
    with transaction.atomic():
        enqueue(note_down, {})

    assert crowd.at_once(partial(work, stage=Stage(NOTE_DOWN, "after")), unguard=unguard) == [KILLED]

    come_to_rest()
    assert StateChange.objects.filter(model="sample").count() == notes


def test_without_leases__a_kill_loses_messages(crowd: Crowd, order: Order) -> None:
    dies = Stage("orders.handlers.start_payment", "before")

    assert crowd.at_once(partial(work, stage=dies), unguard=without_lease) == [KILLED]

    come_to_rest()
    assert bought() != BOUGHT
    assert Order.objects.get().state == "reserved"


def test_without_the_key__a_kill_charges_twice(crowd: Crowd, order: Order) -> None:
    dies = Stage("payments.services.attempts:apply_payment_event", "before")

    assert crowd.at_once(partial(work, stage=dies), unguard=without_key) == [KILLED]

    come_to_rest()
    assert SandboxCharge.objects.count() == 2


def test_without_leftovers__a_kill_leaves_a_hole_in_the_stream(
    crowd: Crowd, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    dies = Stage("events.relay.ledger:Ledger.sequence", "after")

    assert crowd.at_once(partial(relay, stage=dies), unguard=without_leftovers) == [KILLED]

    come_to_rest()
    monkeypatch.setattr(Ledger, "leftovers", lambda self, channel: [])
    wait_for(lambda: Relay().run(once=True) > 0)
    assert stream() != numbers()
