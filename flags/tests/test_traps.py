"""Traps that other systems of flags fall into. Each guard is turned off once, to see that the trap is real."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
import redis
from django.db import transaction

from flags import is_enabled, mirror
from flags.current import CurrentSnapshot, current
from flags.document import Document
from flags.models import Flag, Override, Rule, Segment, Variant
from flags.queries import read_document
from flags.services import propagation, reconcile, set_flag, write_segment
from flags.snapshot import snapshot_of
from flags.tests.conftest import BUSY_SECONDS, DEAD_REDIS, NOBODY
from tests.crowd import Crowd, meet

pytestmark = pytest.mark.django_db(transaction=True)

FLAG = "shop.open"
Unguard = Callable[[], None]


def as_it_is() -> None:
    """Every guard is on."""


def look() -> bool:
    """What this process answers after asking Redis and the database, which may be busy."""
    mirror.TIMEOUT_SECONDS = BUSY_SECONDS
    current._trust_sources()
    is_enabled(FLAG)
    current._redis.settle()
    current._database.settle()
    return is_enabled(FLAG)


# --- A change that is rolled back is seen by others (django-waffle fills its cache from within the transaction) ---


class RolledBack(Exception):
    pass


def change_and_roll_back() -> None:
    meet()
    with suppress(RolledBack), transaction.atomic():
        set_flag(key=FLAG, enabled=True, **NOBODY)
        meet()  # the others look
        meet()
        raise RolledBack
    meet()


def watch_a_change() -> list[bool]:
    """Before it, while it is not committed, and after its end."""
    before = look()
    meet()
    meet()
    during = look()
    meet()
    meet()
    return [before, during, look()]


def publishing_at_once() -> None:
    """What a transaction does on its commit happens at once, and what it has written so far is read."""
    transaction.on_commit = lambda function, **options: function()
    propagation.committed_document = read_document


@pytest.mark.parametrize("redis_url", ["", DEAD_REDIS], ids=["redis", "database"])
def test_change_that_is_rolled_back__is_seen_by_nobody(
    crowd: Crowd, settings: Any, make_flag: Callable[..., Flag], redis_url: str
) -> None:
    settings.REDIS_URL = redis_url or settings.REDIS_URL
    make_flag(FLAG)

    answers = crowd.at_once(partial(change_and_roll_back), *[partial(watch_a_change)] * 2)

    assert answers == [None, [False] * 3, [False] * 3]


def test_published_before_the_commit__a_change_that_never_was_is_seen(
    crowd: Crowd, make_flag: Callable[..., Flag]
) -> None:
    make_flag(FLAG)

    answers = crowd.at_once(partial(change_and_roll_back), *[partial(watch_a_change)] * 2, unguard=publishing_at_once)

    assert answers == [None, [False, True, True], [False, True, True]]


# --- Who read before a change fills the shared copy after it ---


def fill_late() -> bool:
    """Who brings the flags to Redis is slow: a change is committed and published meanwhile."""

    def slow() -> Document:
        document = read_document()
        meet()
        meet()
        return document

    propagation.committed_document = slow
    mirror.TIMEOUT_SECONDS = BUSY_SECONDS
    mirror.client().flushall()
    return propagation.publish_flags()


def change_meanwhile() -> None:
    meet()
    set_flag(key=FLAG, enabled=True, **NOBODY)
    meet()


def overwriting() -> None:
    condition = "if version >= tonumber(ARGV[1]) then return 0 end"
    assert condition in mirror.WRITE_IF_NEWER
    mirror.WRITE_IF_NEWER = mirror.WRITE_IF_NEWER.replace(condition, "")


@pytest.mark.parametrize(("unguard", "kept"), [(as_it_is, "1"), (overwriting, "0")], ids=["guarded", "overwriting"])
def test_late_filler__only_without_the_comparison_brings_old_flags_back(
    crowd: Crowd, make_flag: Callable[..., Flag], shared: redis.Redis, unguard: Unguard, kept: str
) -> None:
    make_flag(FLAG)

    crowd.at_once(partial(fill_late), partial(change_meanwhile), unguard=unguard)

    assert shared.hget("feature:flags", FLAG) == kept


@pytest.mark.parametrize("guarded", [True, False], ids=["guarded", "as-it-comes"])
def test_older_answer_that_comes_late__only_without_the_comparison_is_believed(
    monkeypatch: pytest.MonkeyPatch, make_flag: Callable[..., Flag], guarded: bool
) -> None:
    def install(self: CurrentSnapshot, document: Document) -> None:
        self.snapshot = snapshot_of(document)

    if not guarded:
        monkeypatch.setattr(CurrentSnapshot, "install", install)
    make_flag(FLAG)
    older = read_document()
    set_flag(key=FLAG, enabled=True, **NOBODY)

    current.install(older)

    assert current.snapshot.flags[FLAG].enabled is guarded


# --- Rows that change behind the services' back ---


@pytest.fixture
def _rich_flag(make_flag: Callable[..., Flag]) -> None:
    """One with a part of each kind."""
    make_flag("shop.other", enabled=True)
    for key in ("staff", "friends"):
        write_segment(
            key=key, patch={"constraints": [{"field": "email", "operator": "STR_ENDS_WITH", "values": [key]}]}, **NOBODY
        )
    make_flag(
        FLAG,
        type="string",
        variants=[{"key": "red", "value": "#f00"}, {"key": "blue", "value": "#00f"}],
        on_variant="red",
        off_variant="blue",
        fallthrough_variant="blue",
        rules=[{"id": "staff", "segments": ["staff"], "percent": 50}],
        overrides=[{"subject": "ann", "variant": "blue"}],
        prerequisites=[{"flag": "shop.other"}],
    )


EDITS: dict[str, Callable[[], object]] = {
    "update of flags": lambda: Flag.objects.filter(key=FLAG).update(enabled=True),
    "update of rules": lambda: Rule.objects.update(percent=75),
    "update of variants": lambda: Variant.objects.filter(key="red").update(value="#e00"),
    "update of a segment": lambda: Segment.objects.filter(key="staff").update(constraints=[]),
    "many-to-many, added": lambda: Rule.objects.get().segments.add(Segment.objects.get(key="friends")),
    "many-to-many, taken away": lambda: Rule.objects.get().segments.set([]),
    "delete of overrides": lambda: Override.objects.all().delete(),
    "delete of a prerequisite": lambda: Flag.objects.get(key=FLAG).prerequisites.all().delete(),
    "bulk_create of segments": lambda: Segment.objects.bulk_create([Segment(key="new")]),
}


@pytest.mark.usefixtures("_rich_flag")
@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_raw_edit__is_carried_to_every_process_by_the_digest(
    monkeypatch: pytest.MonkeyPatch, edit: Callable[[], object]
) -> None:
    assert reconcile() == 0
    edit()

    with monkeypatch.context() as without_digest:  # the control: versions alone know nothing
        without_digest.setattr(propagation, "drift", lambda held, truth: "" if held.version == truth.version else "?")
        assert reconcile() == 0
    assert reconcile() == 1

    truth = read_document()
    assert mirror.document() == truth
    assert current.snapshot.version == truth.version
    assert (current.snapshot.flags, current.snapshot.segments) == (truth.flags, truth.segments)
    assert reconcile() == 0


# --- A copy that is not whole ---


@pytest.mark.parametrize("guarded", [True, False], ids=["guarded", "believing"])
def test_document_that_somebody_edited__only_without_the_digest_is_believed(
    monkeypatch: pytest.MonkeyPatch, make_flag: Callable[..., Flag], shared: redis.Redis, guarded: bool
) -> None:
    make_flag(FLAG, enabled=True)
    raw = shared.get("feature:flags:doc")
    assert isinstance(raw, str)
    version = current.snapshot.version
    forged = raw.replace('"enabled":true', '"enabled":false').replace(f'"version":{version}', '"version":99')
    assert forged != raw
    shared.set("feature:flags:doc", forged)
    shared.set("feature:flags:version", "99")
    if not guarded:
        digest = forged.partition('"digest":"')[2].partition('"')[0]
        monkeypatch.setattr("flags.document.digest_of", lambda content: digest)

    assert look() is guarded
