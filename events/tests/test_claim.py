"""Who gets a message, and who may finish it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from events.errors import LeaseLost
from events.models import MessageState, OutboxMessage
from events.services import claim, defer, fail, finish, leases, release, renew

MakeMessage = Callable[..., OutboxMessage]
Claim = Callable[..., list[OutboxMessage]]


@pytest.mark.django_db
def test_due_messages__are_leased_and_nothing_else(make_message: MakeMessage, claim_sample: Claim) -> None:
    now = timezone.now()
    due = {make_message(due_at=now), make_message(due_at=now - timedelta(seconds=5))}
    make_message(due_at=now + timedelta(minutes=1))
    make_message(topic="elsewhere", due_at=now)

    claimed = claim_sample(at=now)

    assert set(claimed) == due
    assert {message.state for message in claimed} == {MessageState.LEASED}
    assert {message.fence for message in claimed} == {1}
    assert {message.due_at for message in claimed} == {now + timedelta(seconds=60)}
    assert claim_sample(at=now) == []


@pytest.mark.django_db
def test_limit__bounds_a_claim(make_message: MakeMessage, claim_sample: Claim) -> None:
    for _ in range(5):
        make_message()

    assert len(claim_sample(limit=3)) == 3
    assert len(claim_sample(limit=3)) == 2


@pytest.mark.django_db
def test_lease_that_ran_out__is_due_again_for_others(make_message: MakeMessage, claim_sample: Claim) -> None:
    make_message()
    (first,) = claim_sample()

    (again,) = claim_sample(at=timezone.now() + timedelta(seconds=61))

    assert (again.pk, again.fence, again.expired_leases) == (first.pk, 2, 1)


@pytest.mark.django_db(transaction=True)
def test_workers_side_by_side__never_get_the_same_message(make_message: MakeMessage) -> None:
    for _ in range(400):
        make_message()
    barrier = Barrier(4)

    def work() -> list[str]:
        connection.ensure_connection()  # which takes longer than some claims
        barrier.wait()
        got: list[str] = []
        while claimed := claim(topics=["sample"], at=timezone.now(), limit=10):
            got += [str(message.pk) for message in claimed]
        connection.close()
        return got

    with ThreadPoolExecutor(4) as pool:
        shares = [future.result() for future in [pool.submit(work) for _ in range(4)]]

    got = [pk for share in shares for pk in share]
    assert len(got) == len(set(got)) == 400
    assert sum(bool(share) for share in shares) > 1


@pytest.mark.django_db
@pytest.mark.parametrize("waiting", [10, 1000])
def test_claim__costs_one_statement_however_much_waits(claim_sample: Claim, waiting: int) -> None:
    OutboxMessage.objects.bulk_create([OutboxMessage(topic="sample", handler="x") for _ in range(waiting)])

    with CaptureQueriesContext(connection) as queries:
        claim_sample(limit=10)

    assert len([query for query in queries if "SAVEPOINT" not in query["sql"]]) == 1


# --- The fence -------------------------------------------------------------------------------------------------------
@pytest.fixture
def overtaken(make_message: MakeMessage, claim_sample: Claim) -> OutboxMessage:
    """A message as a worker sees it whose lease ran out meanwhile, so that another has claimed it."""
    make_message()
    (mine,) = claim_sample()
    claim_sample(at=timezone.now() + timedelta(hours=1))
    return mine


@pytest.mark.django_db
@pytest.mark.parametrize(
    "write",
    [
        lambda message, at: finish(messages=[message], at=at),
        lambda message, at: fail(message=message, error="x", at=at),
        lambda message, at: defer(message=message, until=at, reason="x"),
        lambda message, at: renew(message=message, at=at),
    ],
    ids=["finish", "fail", "defer", "renew"],
)
def test_worker_that_was_overtaken__can_write_nothing(overtaken: OutboxMessage, write: Callable[..., None]) -> None:
    before = OutboxMessage.objects.values().get()

    with pytest.raises(LeaseLost):
        write(overtaken, timezone.now())

    assert OutboxMessage.objects.values().get() == before


@pytest.mark.django_db
def test_worker_that_was_overtaken__gives_nothing_back(overtaken: OutboxMessage) -> None:
    release(messages=[overtaken], at=timezone.now())

    assert OutboxMessage.objects.get().state == MessageState.LEASED


@pytest.mark.django_db
def test_without_the_fence__an_overtaken_worker_finishes_what_another_holds(
    overtaken: OutboxMessage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: if this fails, the tests above prove nothing."""
    monkeypatch.setattr(leases, "FINISH", leases.FINISH.replace("AND message.fence = held.fence", ""))

    finish(messages=[overtaken], at=timezone.now())

    assert OutboxMessage.objects.get().state == MessageState.DELIVERED


@pytest.mark.django_db
def test_released_message__can_be_claimed_at_once(make_message: MakeMessage, claim_sample: Claim) -> None:
    make_message()
    now = timezone.now()

    release(messages=claim_sample(at=now), at=now)

    (again,) = claim_sample(at=now)
    assert (again.fence, again.expired_leases, again.attempts) == (2, 0, 0)


# --- Limits of a topic -----------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_limited_topic__never_has_more_in_flight(
    make_message: MakeMessage, claim_sample: Claim, settings: Settings
) -> None:
    settings.OUTBOX_TOPIC_LIMITS = {"sample": 2}
    for _ in range(5):
        make_message()
        make_message(topic="free")

    claimed = claim_sample(topics=["sample", "free"])
    assert sorted(message.topic for message in claimed) == ["free"] * 5 + ["sample"] * 2
    assert claim_sample() == []

    finish(messages=[message for message in claimed if message.topic == "sample"][:1], at=timezone.now())
    assert len(claim_sample()) == 1


@pytest.mark.django_db(transaction=True)
def test_limited_topic__holds_with_workers_side_by_side(make_message: MakeMessage, settings: Settings) -> None:
    settings.OUTBOX_TOPIC_LIMITS = {"sample": 7}
    for _ in range(100):
        make_message()
    barrier = Barrier(6)

    def work() -> int:
        connection.ensure_connection()  # which takes longer than some claims
        barrier.wait()
        got = sum(len(claim(topics=["sample"], at=timezone.now(), limit=3)) for _ in range(5))
        connection.close()
        return got

    with ThreadPoolExecutor(6) as pool:
        total = sum(future.result() for future in [pool.submit(work) for _ in range(6)])

    assert total == 7
