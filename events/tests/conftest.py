from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import transaction
from django.utils import timezone

from events import publish
from events.models import OutboxMessage
from events.registry import Registry, registry
from events.services import claim
from events.tests.samples import Moved


@pytest.fixture
def handlers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    """The registry, empty for this test."""
    for name in ("handlers", "by_event", "sweeps"):
        monkeypatch.setattr(registry, name, {})
    return registry


@pytest.fixture
def seen() -> list[Any]:
    """What handlers of a test have seen."""
    return []


@pytest.fixture
def make_message(db: None) -> Callable[..., OutboxMessage]:
    def make(**fields: Any) -> OutboxMessage:
        return OutboxMessage.objects.create(**{"topic": "sample", "handler": "sample.handler", **fields})

    return make


@pytest.fixture
def claim_all() -> Callable[..., list[OutboxMessage]]:
    def claim_sample(**values: Any) -> list[OutboxMessage]:
        return claim(**{"topics": ["sample"], "at": timezone.now(), **values})

    return claim_sample


def announce(*, thing: UUID | None = None, step: int = 0, **fields: Any) -> None:
    """Publish one sample in a transaction of its own."""
    with transaction.atomic():
        publish(Moved(thing=thing or uuid4(), step=step, **fields))
