from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.checks.registry import registry as checks

from flags import declare, evaluate, registry
from flags.checks import flags_are_declared, names_asked_for
from flags.models import Flag, FlagChange, FlagSet
from flags.services import sync_declared
from flags.tests.conftest import NOBODY
from flags.tests.known import know


@pytest.mark.parametrize("key", ["a b", "", "a..b", "x" * 151])
def test_bad_name__is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="name of a flag"):
        declare(key, description="")

    assert key not in registry.declared


def test_second_meaning__is_refused(declare_flag: Callable[..., str]) -> None:
    declare_flag("a.b", default=True)

    declare("a.b", default=True, description="made for a test")
    with pytest.raises(ValueError, match="twice"):
        declare("a.b", default=False, description="made for a test")


@pytest.mark.parametrize(
    ("default", "type_"),
    [(True, "boolean"), ("blue", "string"), (7, "number"), (0.5, "number"), ({"a": 1}, "object")],
)
def test_default__says_the_type_and_answers_until_somebody_sets_it(
    declare_flag: Callable[..., str], default: Any, type_: str
) -> None:
    declare_flag("a.b", default=default)
    know({})

    assert registry.declared["a.b"].type == type_
    assert evaluate("a.b").value == default
    assert (evaluate("a.b").reason, evaluate("a.b").metadata["cause"]) == ("DEFAULT", "declared")


@pytest.mark.parametrize("default", [None, [], object(), Flag])
def test_default_that_no_flag_can_have__is_refused(default: Any) -> None:
    with pytest.raises(ValueError, match="value of a flag"):
        declare("a.none", default=default, description="")

    assert "a.none" not in registry.declared


@pytest.mark.django_db
def test_sync__makes_what_is_missing_in_one_version(declare_flag: Callable[..., str]) -> None:
    declare_flag("a.one", default=True, kind="kill_switch")
    declare_flag("a.two")

    made = {flag.key: flag for flag in sync_declared(**NOBODY)}

    assert (made["a.one"].enabled, made["a.one"].kind, made["a.two"].enabled) == (True, "kill_switch", False)
    assert FlagSet.objects.get().version == 1
    assert FlagChange.objects.count() == len(made)


@pytest.mark.django_db
def test_sync_of_a_flag_that_exists__leaves_it_to_its_operator(
    declare_flag: Callable[..., str], make_flag: Callable[..., Flag]
) -> None:
    declare_flag("a.one", default=True)
    make_flag("a.one", enabled=False, description="ours")
    sync_declared(**NOBODY)
    before = FlagSet.objects.get().version

    assert sync_declared(**NOBODY) == []

    flag = Flag.objects.get(key="a.one")
    assert (flag.enabled, flag.description) == (False, "ours")
    assert FlagSet.objects.get().version == before


@pytest.fixture
def app_with(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """An app of this site whose only module is the given source."""

    def write(source: str) -> None:
        (tmp_path / "shop.py").write_text(source)
        settings.BASE_DIR = tmp_path
        monkeypatch.setattr(apps.get_app_config("flags"), "path", str(tmp_path))

    return write


def test_typo_in_a_check__is_found_with_what_was_meant(
    app_with: Callable[[str], None], declare_flag: Callable[..., str]
) -> None:
    declare_flag("checkout.new_flow")
    app_with('import flags\nif flags.is_enabled("checkout.new_flwo", default=True): ...\n')

    [found] = flags_are_declared([apps.get_app_config("flags")])

    assert found.msg.startswith("shop.py:2 asks for the flag 'checkout.new_flwo'")
    assert found.hint == "Did you mean 'checkout.new_flow'?"


@pytest.mark.parametrize(
    "source",
    [
        'flags.get_value("no.such", 1)',
        '@flag_required("no.such")\ndef view(request): ...',
        'async def view(request):\n    return await ais_enabled("no.such")',
        'permission_classes = [flag_enabled("no.such")]',
    ],
)
def test_every_way_to_ask__is_read(app_with: Callable[[str], None], source: str) -> None:
    app_with(source)

    assert [found.id for found in flags_are_declared([apps.get_app_config("flags")])] == ["flags.W001"]


def test_template_that_asks__is_read(app_with: Callable[[str], None], tmp_path: Path) -> None:
    app_with("")
    (tmp_path / "page.html").write_text("a\n{% flag 'no.such' %}{% endflag %}{% flag name %}{% endflag %}")

    [found] = flags_are_declared([apps.get_app_config("flags")])

    assert found.msg.startswith("page.html:2 asks for the flag 'no.such'")


def test_declared_name__is_no_typo(app_with: Callable[[str], None], declare_flag: Callable[..., str]) -> None:
    declare_flag("checkout.new_flow")
    app_with('from flags import is_enabled\nis_enabled("checkout.new_flow")\nis_enabled(name)\n')

    assert flags_are_declared([apps.get_app_config("flags")]) == []


def test_folder_of_somebody_else__is_not_read(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text('is_enabled("no.such")')

    assert list(names_asked_for(tmp_path)) == []


def test_check__is_among_those_that_are_run() -> None:
    assert flags_are_declared in checks.registered_checks
