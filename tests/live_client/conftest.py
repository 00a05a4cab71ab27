from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser import chromium
from tests.live_client.tab import Tab


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for all tests of a file, which may ask the database: its loop stands still while they run."""
    with pytest.MonkeyPatch.context() as environment, chromium() as browser:
        environment.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        yield browser


@pytest.fixture
def tab(browser: Browser) -> Iterator[Tab]:
    tab = Tab(browser)
    yield tab
    assert tab.page.errors == []  # type: ignore[attr-defined]
    tab.page.context.close()
