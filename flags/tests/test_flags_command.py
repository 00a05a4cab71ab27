from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from flags.models import Flag, FlagChange

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
