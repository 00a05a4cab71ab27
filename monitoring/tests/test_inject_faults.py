"""What faults do while their flag is on, and that they exist nowhere else."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from asgiref.sync import iscoroutinefunction
from django.core.exceptions import ImproperlyConfigured, MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from events import registry as registry_module
from flags import override_flags
from flags.registry import declared
from monitoring import faults
from monitoring.faults import FaultInjected, Faults, PastTheDoor, stalled

QUIET = dict.fromkeys(faults.FAULTS, False)


@pytest.fixture
def middleware(settings: Any) -> Faults:
    settings.FAULTS = True
    return Faults(lambda request: HttpResponse("from the view"))


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long requests are made to wait, in seconds, while nobody does."""
    waits: list[float] = []
    monkeypatch.setattr(faults, "time", SimpleNamespace(sleep=waits.append))
    return waits


def answer(middleware: Faults, request: HttpRequest) -> HttpResponse | None:
    """What the fault answers in the view's place."""
    found: HttpResponse | None = middleware.process_view(request, None, (), {})
    return found


def test_no_fault__requests_go_through(middleware: Faults, rf: RequestFactory, waits: list[float]) -> None:
    with override_flags(QUIET):
        for request in (rf.post("/api/scan"), rf.post("/sandbox/charges"), rf.post("/api/v1/orders/")):
            assert answer(middleware, request) is None

    assert not any(waits)


def test_slow_scans__wait_and_then_go_through(middleware: Faults, rf: RequestFactory, waits: list[float]) -> None:
    with override_flags({**QUIET, faults.SCAN_SLOW: True}):
        found = answer(middleware, rf.post("/api/scan"))
        answer(middleware, rf.get("/api/v1/vouchers/"))

    assert found is None
    assert waits == [faults.SCAN_SECONDS, 0]


async def test_under_asgi__the_loop_is_not_held_up(
    settings: Any, rf: RequestFactory, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.FAULTS = True

    async def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    middleware = Faults(view)
    assert iscoroutinefunction(middleware)
    with override_flags({**QUIET, faults.SCAN_SLOW: True}):
        monkeypatch.setattr(faults, "SCAN_SECONDS", 3600)
        waiting = asyncio.ensure_future(middleware.process_view(rf.post("/api/scan"), None, (), {}))
        await asyncio.wait([waiting], timeout=0.1)
        monkeypatch.setattr(faults, "SCAN_SECONDS", 0.01)
        found = await middleware.process_view(rf.post("/api/scan"), None, (), {})

    assert not waiting.done()
    assert found is None
    assert waits == []  # they sleep on the loop
    waiting.cancel()


def test_payments_down__the_bank_answers_503_and_nobody_else_does(middleware: Faults, rf: RequestFactory) -> None:
    with override_flags({**QUIET, faults.PAYMENTS_DOWN: True}):
        bank = answer(middleware, rf.post("/sandbox/charges"))
        shop = answer(middleware, rf.post("/api/v1/orders/"))

    assert bank is not None
    assert bank.status_code == 503
    assert shop is None


@pytest.mark.parametrize("path", ["/api/v1/orders/", "/api/v1/orders"])
def test_checkout_error__orders_fail_and_lists_do_not(middleware: Faults, rf: RequestFactory, path: str) -> None:
    with override_flags({**QUIET, faults.CHECKOUT_ERROR: True}):
        with pytest.raises(FaultInjected):
            answer(middleware, rf.post(path))

        assert answer(middleware, rf.get(path)) is None


@pytest.mark.parametrize(("fails", "way"), [(True, "django"), (False, "door")])
async def test_checkout_error__orders_do_not_pass_the_door_for_crowds(*, fails: bool, way: str) -> None:
    taken = []

    def app(name: str) -> Callable[..., object]:
        async def call(scope: object, receive: object, send: object) -> None:
            taken.append(name)

        return call

    with override_flags({faults.CHECKOUT_ERROR: fails}):
        await PastTheDoor(app("door"), app("django"))({"method": "POST", "path": "/api/v1/orders/"}, None, None)

    assert taken == [way]


def test_outbox_stalled__a_worker_stands_still_until_the_flag_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    flag, passed = {"on": True}, threading.Event()
    monkeypatch.setattr(faults.flags, "is_enabled", lambda name, **kwargs: flag["on"], raising=False)

    def work() -> None:
        with stalled():
            passed.set()

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    assert not passed.wait(0.3)

    flag["on"] = False
    assert passed.wait(60)
    worker.join()


async def test_outbox_stalled__an_event_loop_goes_on(waits: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults.time, "monotonic", lambda: float(len(waits)), raising=False)
    with override_flags({faults.OUTBOX_STALLED: True}), stalled():
        pass

    assert waits == []


def test_faults_not_wanted__there_is_no_middleware_and_no_flag(settings: Any) -> None:
    settings.FAULTS = False

    faults.declare()

    assert not {*faults.FAULTS} & {*declared}
    with pytest.raises(MiddlewareNotUsed):
        Faults(lambda request: HttpResponse())


def test_faults_on_a_deployed_site__are_refused(settings: Any) -> None:
    settings.FAULTS, settings.LOCAL = True, False

    faults.declare()

    (problem,) = faults.faults_stay_at_home()
    assert problem.is_serious()
    assert not {*faults.FAULTS} & {*declared}
    with pytest.raises(ImproperlyConfigured):
        Faults(lambda request: HttpResponse())


@pytest.fixture
def _forgotten() -> Iterator[None]:
    """What is declared for a test is not declared for others."""
    from flags import registry

    before = len(registry_module.registry.surroundings)
    yield
    for key in faults.FAULTS:
        registry._declared.pop(key, None)
    del registry_module.registry.surroundings[before:]


@pytest.mark.usefixtures("_forgotten")
def test_faults_wanted__can_be_turned_on_by_flag(settings: Any) -> None:
    settings.FAULTS = True

    faults.declare()

    assert {*faults.FAULTS} <= {*declared}
    assert stalled in registry_module.registry.surroundings
