from collections.abc import Callable

import pytest

from flags import queries
from flags.choices import FlagKind
from flags.document import FlagState
from flags.models import Flag
from flags.queries import flags_with_last_change, read_document

pytestmark = pytest.mark.django_db


def test_database_without_flags__is_version_nought() -> None:
    document = read_document()

    assert (document.version, document.flags) == (0, {})


def test_document__holds_every_flag_archived_ones_too(make_flag: Callable[..., Flag]) -> None:
    make_flag("shop.open", enabled=True, kind="kill_switch")
    make_flag("new_checkout", client_visible=True)

    document = read_document()

    assert document.version == 2
    assert document.flags == {
        "new_checkout": FlagState(enabled=False, client_visible=True, version=1),
        "shop.open": FlagState(enabled=True, kind=FlagKind.KILL_SWITCH, version=1),
    }


def test_row_that_raw_sql_made__is_shown_all_the_same() -> None:
    Flag.objects.create(key="shop.open")

    flag = flags_with_last_change().get()

    assert (flag.changed_at, flag.changed_by, flag.changed_source) == (flag.created_at, None, "")


def test_write_while_reading__version_and_flags_fit_each_other(
    make_flag: Callable[..., Flag], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_flag("shop.open")
    monkeypatch.setattr(queries, "set_version", lambda: 0)  # what stood there a moment before

    assert read_document().version == 1
