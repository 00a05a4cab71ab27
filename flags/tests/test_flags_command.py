from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import redis
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from flags.definition import Definition, SegmentDefinition
from flags.models import CodeReference, Flag, FlagChange, Override, PlannedChange
from flags.queries import definitions, segments
from flags.services import archive_flag, write_segment
from flags.tests.conftest import NOBODY

pytestmark = pytest.mark.django_db


def run(*arguments: str, **options: Any) -> str:
    out = StringIO()
    call_command("flags", *arguments, stdout=out, **options)
    return out.getvalue()


def test_list__shows_state_kind_and_last_change(
    make_flag: Callable[..., Flag], declare_flag: Callable[..., str]
) -> None:
    make_flag("shop.open", enabled=True, kind="kill_switch", description="Orders are taken")
    declare_flag("a.missing")

    shown = run("list")

    assert "on       shop.open  kill_switch" in shown
    assert "by command  Orders are taken" in shown
    assert "(`flags sync` makes them): a.missing" in shown.replace(", ", "): ").replace("them): ", "them): ")
    assert shown.endswith("1 flags.\n")


@pytest.mark.parametrize("verb", ["on", "off"])
def test_on_and_off__turn_the_flag(make_flag: Callable[..., Flag], verb: str) -> None:
    make_flag("shop.open", enabled=verb == "off")

    assert run(verb, "shop.open", "--reason", "drill") == f"shop.open is {verb}.\n"

    assert Flag.objects.get().enabled is (verb == "on")
    change = FlagChange.objects.first()
    assert change
    assert (change.source, change.reason, change.actor) == ("command", "drill", None)


def test_on_twice__says_so(make_flag: Callable[..., Flag]) -> None:
    make_flag("shop.open", enabled=True)

    assert run("on", "shop.open") == "shop.open was on already.\n"


@pytest.mark.parametrize(("verb", "name"), [("on", "shop.opne"), ("history", "shop.opne")])
def test_unknown_name__fails_with_what_was_meant(make_flag: Callable[..., Flag], verb: str, name: str) -> None:
    make_flag("shop.open")

    with pytest.raises(CommandError, match=r"Did you mean 'shop\.open'"):
        run(verb, name)


def test_protected_flag_without_a_reason__fails(make_flag: Callable[..., Flag]) -> None:
    make_flag("shop.open", protected=True)

    with pytest.raises(CommandError, match="give a reason"):
        run("on", "shop.open")


def test_protected_flag__waits_for_somebody(make_flag: Callable[..., Flag]) -> None:
    make_flag("shop.open", protected=True)

    assert "waits for somebody to approve it" in run("on", "shop.open", "--reason", "sale")

    assert not Flag.objects.get().enabled
    assert PlannedChange.objects.get().author is None


@pytest.mark.parametrize("arguments", [(), ("--before", "2")])
def test_revert__takes_the_change_back(
    make_flag: Callable[..., Flag], turn: Callable[..., Flag], arguments: tuple[str, ...]
) -> None:
    make_flag("shop.open")
    turn("shop.open", True)

    assert run("revert", "shop.open", *arguments) == "shop.open is back to before version 2: enabled.\n"

    assert not Flag.objects.get().enabled


def test_sync__makes_declared_flags_once(declare_flag: Callable[..., str]) -> None:
    declare_flag("a.one", default=True)

    first, second = run("sync"), run("sync")

    assert "made a.one (on)" in first
    assert second.startswith("0 made")


def test_sync_without_redis__makes_them_all_the_same(declare_flag: Callable[..., str], settings: Any) -> None:
    declare_flag("a.one")
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    run("sync", stderr=StringIO())

    assert Flag.objects.filter(key="a.one").exists()


def test_history__tells_who_and_what(make_flag: Callable[..., Flag], turn: Callable[..., Flag]) -> None:
    make_flag("shop.open")
    turn("shop.open", True, reason="drill")

    told = run("history", "shop.open")

    assert "command: enabled: False → True (drill)" in told
    assert "command: made" in told
    assert told.endswith("2 changes shown.\n")


# --- Moving ---------------------------------------------------------------------------------------------------------
RULES = [{"id": "a", "segments": ["staff"], "percent": 12.5}]


def test_export__comes_back_as_it_went(make_flag: Callable[..., Flag], tmp_path: Path) -> None:
    write_segment(key="staff", patch={"description": "Us"}, **NOBODY)
    make_flag("first", enabled=True)
    make_flag("shop.open", rules=RULES, prerequisites=[{"flag": "first"}], tags=["a"])
    before: tuple[dict[str, Definition], dict[str, SegmentDefinition]] = (definitions(), segments())
    file = tmp_path / "flags.json"
    file.write_text(run("export"))
    empty_tables()

    assert run("import", str(file)).endswith("2 made, 0 changed, 0 were the same.\n")

    assert (definitions(), segments()) == before
    assert run("import", str(file)).endswith("0 made, 0 changed, 2 were the same.\n")


def empty_tables() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("TRUNCATE flags_flag, flags_segment, flags_flagset CASCADE")


def test_import__changes_what_exists_only_when_asked(make_flag: Callable[..., Flag], tmp_path: Path) -> None:
    make_flag("shop.open", protected=True)
    make_flag("other")
    file = tmp_path / "flags.json"
    file.write_text('{"flags": [{"key": "shop.open", "enabled": true}, {"key": "other", "enabled": true}]}')

    assert "kept (--overwrite changes them): shop.open, other" in run("import", str(file))
    assert not Flag.objects.filter(enabled=True).exists()
    changed = run("import", str(file), "--overwrite")

    assert "protected, kept (plan the change): shop.open" in changed
    assert changed.endswith("0 made, 1 changed, 0 were the same.\n")
    assert Flag.objects.get(enabled=True).key == "other"


def test_import_with_one_bad_flag__makes_none(tmp_path: Path) -> None:
    file = tmp_path / "flags.json"
    file.write_text('{"flags": [{"key": "good"}, {"key": "bad", "on_variant": "red"}]}')

    with pytest.raises(CommandError, match="bad: on_variant: There is no variant 'red'"):
        run("import", str(file))

    assert not Flag.objects.exists()


@pytest.mark.parametrize("content", ["", "[]", '{"flags": [{"key": "a", "mood": 1}]}', '{"flags": [{"key": 1}]}'])
@pytest.mark.parametrize("source", ["coupon-site", "unleash"])
def test_file_of_another_kind__is_refused(tmp_path: Path, content: str, source: str) -> None:
    file = tmp_path / "flags.json"
    file.write_text(content)

    with pytest.raises(CommandError, match=r"flags\.json can't be read"):
        run("import", str(file), "--from", source)


def test_import_from_unleash__makes_its_features(tmp_path: Path) -> None:
    file = tmp_path / "unleash.json"
    file.write_text('{"version": 1, "features": [{"name": "new", "enabled": true, "strategies": []}]}')

    assert "1 made" in run("import", str(file), "--from", "unleash")
    assert Flag.objects.get().key == "new"


def test_import_from_waffle_without_its_tables__says_so() -> None:
    with pytest.raises(CommandError, match="no tables of django-waffle"):
        run("import", "--from", "waffle")


# --- Tending --------------------------------------------------------------------------------------------------------
def test_scan__remembers_the_lines(make_flag: Callable[..., Flag], tmp_path: Path) -> None:
    make_flag("shop.open")
    make_flag("shop.closed")
    (tmp_path / "a.py").write_text('is_enabled("shop.open")')

    told = run("scan", str(tmp_path))

    assert "shop.open  a.py:1  is_enabled" in told
    assert "shop.closed" in told
    assert CodeReference.objects.get().key == "shop.open"


def test_stale__fails_where_asked_to(make_flag: Callable[..., Flag]) -> None:
    make_flag("old", review_at="2020-01-01T00:00:00Z")

    assert run("stale") == "old: its review is due\n1 flags may go.\n"
    with pytest.raises(CommandError, match="1 flags may go"):
        run("stale", "--check")


@pytest.mark.django_db(transaction=True)
def test_reconcile__says_what_it_did(make_flag: Callable[..., Flag], shared: redis.Redis) -> None:
    make_flag("shop.open")

    assert run("reconcile") == "Redis has what the database has.\n"
    shared.flushall()
    assert run("reconcile") == "Redis differed and is repaired.\n"
    assert shared.hgetall("feature:flags") == {"shop.open": "0"}


def test_doctor__names_what_is_wrong(make_flag: Callable[..., Flag], declare_flag: Callable[..., str]) -> None:
    declare_flag("a.missing")
    declare_flag("a.text", default="x")
    make_flag("a.text")
    make_flag("first")
    make_flag("late", enabled=True, prerequisites=[{"flag": "first"}])
    make_flag(
        "over",
        rules=[{"id": "r", "name": "Xmas", "ends_at": "2020-12-26T00:00:00Z"}],
        overrides=[{"subject": "ann", "variant": "on", "expires_at": "2020-12-26T00:00:00Z"}],
    )
    make_flag("away")
    archive_flag(key="away", at=timezone.now(), **NOBODY)
    CodeReference.objects.create(key="away", path="a.py", line=1, text="", seen_at=timezone.now())
    out = StringIO()

    with pytest.raises(CommandError, match="findings"):
        call_command("flags", "doctor", stdout=out)

    for line in (
        "a.missing is declared, but not made",
        "a.text is declared as string, but made as boolean",
        "late is on, but first, which it needs, is off",
        "over: the time of the rule Xmas is over",
        "over: the override of ann has expired",
        "The code names away, which is archived",
    ):
        assert line in out.getvalue()
    assert Override.objects.count() == 1
