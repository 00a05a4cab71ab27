"""The database stopped or hung: checks and remote evaluation go on, writes answer 503.

Both away at the start: the bootstrap file answers, else declared defaults.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.test import Client

from accounts.services import create_user, issue_token
from coupon_site import health
from flags import declare, is_enabled
from flags.current import current
from flags.definition import Definition
from flags.models import Flag
from flags.services import create_flag
from flags.tests.conftest import PrivateRedis, wait_until
from flags.tests.promises.members import STEADY, TURNED, use_database
from flags.tests.promises.postgres import PrivatePostgres
from flags.tests.promises.watch import watching
from tests.crowd import Crowd

pytestmark = pytest.mark.django_db(transaction=True)

EVALUATE = "/ofrep/v1/evaluate/flags"
DECLARED = "shop.declared"


def ask_at_doors(*, database: str, folder: str) -> dict[str, list[Any]]:
    """What a remote evaluation and a write are answered while the database is there, and once it is `away`."""
    use_database(database, patience=3.0)  # it is slow in a busy run, before it is away
    create_flag(key=STEADY, enabled=True, actor=None, source="command")
    client = client_of_an_editor()
    answers: dict[str, list[Any]] = {"evaluation": [], "write": [], "seconds": []}
    ask(client, answers)
    Path(folder, "asked").touch()
    wait_until(Path(folder, "away").exists)
    ask(client, answers)
    return answers


def ask(client: Client, answers: dict[str, list[Any]]) -> None:
    for name, door in (("evaluation", evaluate), ("write", write)):
        began = time.monotonic()
        answers[name].append(door(client))
        answers["seconds"].append(time.monotonic() - began)


def client_of_an_editor() -> Client:
    user = create_user(email=f"{time.time_ns()}@example.com", name="Editor", is_staff=True, groups=["flag-editors"])
    _, token = issue_token(user=user, name="test")
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    return Client(headers=headers, raise_request_exception=False, SERVER_NAME="localhost")


def evaluate(client: Client) -> tuple[int, object]:
    answer = client.post(f"{EVALUATE}/{STEADY}", content_type="application/json")
    return answer.status_code, answer.json().get("value")


def write(client: Client) -> int:
    answer = client.put(f"/api/v1/flags/{STEADY}?enabled=true", content_type="application/json")
    return answer.status_code


@contextmanager
def stopped(server: PrivatePostgres) -> Iterator[None]:
    server.stop()
    yield
    server.restart()


@contextmanager
def hung(server: PrivatePostgres) -> Iterator[None]:
    server.freeze()
    yield
    server.thaw()


@pytest.mark.usefixtures("two_flags")
@pytest.mark.parametrize("trouble", [stopped, hung])
def test_database_in_trouble__checks_and_changes_go_on(
    *,
    crowd: Crowd,
    private_postgres: PrivatePostgres,
    turn: Callable[..., Flag],
    record_property: Callable[[str, object], None],
    trouble: Callable[[PrivatePostgres], AbstractContextManager[None]],
) -> None:
    with watching(crowd, database=private_postgres.database_url) as watch, trouble(private_postgres):
        time.sleep(1.2)
        turn(TURNED, True)  # by another machine, whose database answers
        moment = time.monotonic()
        watch.wait_for_turn(1)

    assert watch.failed == 0
    assert watch.longest < 0.5
    record_property(
        "summary",
        f"flags, database {trouble.__name__}: {watch.sentence()}, "
        f"a change meanwhile was seen everywhere after {max(watch.until_seen([moment])) * 1000:.0f} ms",
    )


def test_database_stopped__remote_evaluation_goes_on_and_writes_answer_503(
    *,
    crowd: Crowd,
    private_redis: PrivateRedis,
    private_postgres: PrivatePostgres,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    with ThreadPoolExecutor(1) as pool:
        action = partial(ask_at_doors, database=private_postgres.database_url, folder=str(tmp_path))
        future = pool.submit(crowd.at_once, action)
        wait_until(lambda: future.done() or (tmp_path / "asked").exists())
        with stopped(private_postgres):
            (tmp_path / "away").touch()
            [answers] = future.result()

    assert answers["evaluation"] == [(200, True), (200, True)]
    assert answers["write"] == [200, 503]
    evaluated, written = answers["seconds"][2:]
    record_property(
        "summary",
        f"flags, database stopped: remote evaluation answers after {evaluated * 1000:.0f} ms, "
        f"a write 503 after {written:.1f} s",
    )


# --- Both away at the start -----------------------------------------------------------------------------------------


def make_turned_flag(*, database: str) -> None:
    use_database(database, patience=30.0)
    create_flag(key=TURNED, enabled=True, actor=None, source="command")


def start_with_nothing(*, database: str, folder: str) -> dict[str, Any]:
    """A process' first answers, and those once there are servers."""
    use_database(database)
    health.CACHE_SECONDS, health.BUDGET_SECONDS = 0.0, 30.0
    declare(DECLARED, default=True, description="made for a test")
    first, took = answers_of_a_start()
    ready = [readiness()]
    Path(folder, "asked").touch()
    wait_until(Path(folder, "back").exists)
    back = wait_until(lambda: is_enabled(TURNED))
    ready.append(readiness())
    return {"first": first, "seconds": took, "ready": ready, "back": back}


def answers_of_a_start() -> tuple[list[bool], float]:
    """What a process that knows nothing answers, and within how many seconds: of three starts, on a busy machine."""
    taken = []
    for _ in range(3):
        current.forget()
        began = time.monotonic()
        answers = [is_enabled(STEADY), is_enabled(DECLARED)]
        taken.append(time.monotonic() - began)
    return answers, min(taken)


def readiness() -> tuple[int, str]:
    answer = Client(SERVER_NAME="localhost").get("/readyz")
    return answer.status_code, answer.json()["checks"]["flags"]


@pytest.fixture
def bootstrap_file(tmp_path: Path) -> str:
    file = tmp_path / "flags.json"
    flags = (Definition(key=STEADY, enabled=True), Definition(key=DECLARED))
    file.write_bytes(msgspec.json.encode({"flags": flags, "segments": ()}))
    return str(file)


@pytest.mark.parametrize(
    ("has_file", "first", "substitute"),
    [(True, [True, False], "the bootstrap file answers"), (False, [False, True], "declared defaults answer")],
    ids=["file", "defaults"],
)
def test_both_away_at_start__a_substitute_answers_and_readiness_says_so(
    *,
    crowd: Crowd,
    settings: Any,
    private_redis: PrivateRedis,
    private_postgres: PrivatePostgres,
    bootstrap_file: str,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
    has_file: bool,
    first: list[bool],
    substitute: str,
) -> None:
    settings.FLAGS_BOOTSTRAP = bootstrap_file if has_file else ""
    crowd.at_once(partial(make_turned_flag, database=private_postgres.database_url))
    action = partial(start_with_nothing, database=private_postgres.database_url, folder=str(tmp_path))

    with ThreadPoolExecutor(1) as pool:
        private_redis.stop()
        with stopped(private_postgres):
            future = pool.submit(crowd.at_once, action)
            wait_until(lambda: future.done() or (tmp_path / "asked").exists())
        private_redis.start()
        (tmp_path / "back").touch()
        [answers] = future.result()

    assert answers["first"] == first
    assert answers["seconds"] < 1
    (status, said), (_, later) = answers["ready"]
    assert status == 503
    assert said.startswith("degraded")
    assert said.endswith(substitute)
    assert later == "ok"
    record_property(
        "summary",
        f"flags, Redis and database away at the start: {substitute}, the first after "
        f"{answers['seconds'] * 1000:.0f} ms; flags {answers['back']:.1f} s after both were back",
    )
