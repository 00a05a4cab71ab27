import asyncio
import threading
from collections.abc import Callable

from flags import is_enabled, override_flags
from flags.current import current
from flags.document import Document, FlagState


def test_override__answers_inside_and_is_gone_outside() -> None:
    with override_flags({"checkout.new_flow": True}, plain=True):
        assert is_enabled("checkout.new_flow")
        assert is_enabled("plain")

    assert not is_enabled("checkout.new_flow")


def test_override_without_database_and_redis__looks_at_neither() -> None:
    with override_flags({"checkout.new_flow": True}):
        is_enabled("checkout.new_flow")

    assert not current._looked


def test_override__beats_a_flag_and_leaves_others_alone() -> None:
    current.install(Document(1, {name: FlagState(enabled=True, version=1) for name in ("a.one", "a.two")}))

    with override_flags({"a.one": False}):
        assert (is_enabled("a.one"), is_enabled("a.two")) == (False, True)


def test_overrides_inside_each_other__the_inner_one_wins_and_the_outer_one_comes_back() -> None:
    with override_flags({"a.one": True, "a.two": True}):
        with override_flags({"a.one": False}):
            assert (is_enabled("a.one"), is_enabled("a.two")) == (False, True)
        assert is_enabled("a.one")


def test_decorator__overrides_for_the_call() -> None:
    @override_flags({"a.one": True})
    def asks() -> bool:
        return is_enabled("a.one")

    assert (asks(), asks(), is_enabled("a.one")) == (True, True, False)


async def test_override_in_one_task__is_not_seen_in_another() -> None:
    async def with_override() -> bool:
        with override_flags({"a.one": True}):
            await asyncio.sleep(0)
            return is_enabled("a.one")

    async def without() -> bool:
        await asyncio.sleep(0)
        return is_enabled("a.one")

    assert await asyncio.gather(with_override(), without()) == [True, False]


def test_override__is_not_seen_in_another_thread(declare_flag: Callable[..., str]) -> None:
    seen: list[bool] = []

    with override_flags({"a.one": True}):
        thread = threading.Thread(target=lambda: seen.append(is_enabled("a.one")))
        thread.start()
        thread.join()

    assert seen == [False]
