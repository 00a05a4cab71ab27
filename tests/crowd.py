"""A crowd: real processes that do things at the same instant, each with connections of its own.

    answers = crowd.at_once(partial(buy, buyer=1), partial(buy, buyer=2), unguard=without_lock)

The actions are functions of a module with keyword arguments; each runs in a process that was forked for it from one
that has loaded Django and connected to nothing. None starts before all are there. What an action returns is its answer;
a refusal answers with its code, any other error with the name of its class, a killed process with `KILLED`. Settings
that the test has overridden hold there too. `unguard` is called in each process before the start, to turn a guard off;
what it puts in the guard's place may `meet()` the others.
"""

import os
import pickle
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from importlib import import_module
from multiprocessing.connection import Connection, wait
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, Self

import django
from django.conf import UserSettingsHolder, settings
from django.db import connection
from psycopg.conninfo import make_conninfo

from coupon_site.errors import DomainError

ROOT = Path(__file__).resolve().parent.parent
KILLED = "killed"
SECONDS, START_SECONDS = 120, 120
FORKER = "from tests.crowd import fork_members; fork_members()"


class Task(NamedTuple):
    """What a member is told to do; functions go by their names."""

    function: str
    arguments: dict[str, Any]
    unguard: str
    settings: dict[str, Any]


class Member(NamedTuple):
    """A process of the crowd, seen from the test."""

    channel: Connection
    pid: int


class Crowd:
    """Made once per test process: `at_once` costs a few hundredths of a second."""

    def __init__(self) -> None:
        self.stack = ExitStack()
        self.address = Path(self.stack.enter_context(TemporaryDirectory(prefix="crowd-"))) / "door"
        self.door = self.stack.enter_context(socket.socket(socket.AF_UNIX))
        self.door.bind(str(self.address))
        self.door.listen(64)
        self.door.settimeout(START_SECONDS)  # Django is loaded first
        self.forker = subprocess.Popen(
            [sys.executable, "-c", FORKER, str(self.address)], cwd=ROOT, env=environment(), stdin=subprocess.PIPE
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.forker.kill()
        self.forker.communicate()
        self.stack.close()

    def at_once(
        self, *actions: partial[Any], unguard: Callable[[], object] | None = None, patience: float | None = None
    ) -> list[Any]:
        """What each action answered, in their order.

        With `patience`, in seconds, those who wait at `meet()` go on when the others do not come, as they can't when
        they wait for a lock.
        """
        tasks = [
            Task(name_of(action.func), action.keywords, name_of(unguard) if unguard else "", overridden())
            for action in actions
        ]
        members = self.fork(len(tasks), modules=modules_of(tasks))
        try:
            for member, task in zip(members, tasks, strict=True):
                member.channel.send(task)
            return conduct(members, patience)
        finally:
            for member in members:
                end(member)

    def fork(self, count: int, *, modules: Sequence[str]) -> list[Member]:
        """That many new processes, which have the modules loaded."""
        assert self.forker.stdin is not None
        self.forker.stdin.write(pickle.dumps((count, modules)))
        self.forker.stdin.flush()
        channels = [Connection(self.door.accept()[0].detach()) for _ in range(count)]
        return [Member(channel, channel.recv()) for channel in channels]


def conduct(members: Sequence[Member], patience: float | None) -> list[Any]:
    """Let all start together, and together again wherever they meet; their answers."""
    by_channel = {member.channel: place for place, member in enumerate(members)}
    waiting: set[Connection] = set()
    answers: dict[int, Any] = {}
    deadline = time.monotonic() + SECONDS
    has_begun = False
    while len(answers) < len(members):
        busy = [channel for channel in by_channel if by_channel[channel] not in answers and channel not in waiting]
        spoke = wait(busy, patience if has_begun and patience and waiting else deadline - time.monotonic())
        assert spoke or (patience and waiting), f"no answer in {SECONDS} s: {len(waiting)} met, {len(busy)} are at work"
        for channel in spoke:
            assert isinstance(channel, Connection)
            try:
                said, answer = channel.recv()
            except (EOFError, ConnectionResetError):
                said, answer = "answer", KILLED
            if said == "waiting":
                waiting.add(channel)
            else:
                answers[by_channel[channel]] = answer
        if waiting and (not spoke or len(waiting) + len(answers) == len(members)):
            has_begun = True
            for channel in waiting:
                channel.send("go")
            waiting.clear()
    return [answers[place] for place in range(len(members))]


def end(member: Member) -> None:
    """A member has nothing more to do, whatever it does."""
    member.channel.close()
    with suppress(ProcessLookupError):
        os.kill(member.pid, signal.SIGKILL)


def environment() -> dict[str, str]:
    """The site's own settings, over the servers of this test process, and its patience with banks."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "coupon_site.settings",
        "DATABASE_URL": make_conninfo(os.environ["DATABASE_URL"], dbname=connection.settings_dict["NAME"]),
        "PROVIDER_TIMEOUT_SECONDS": "30",
    }


def overridden() -> dict[str, Any]:
    """The settings that the test has changed."""
    found: dict[str, Any] = {}
    holder = settings._wrapped
    while isinstance(holder, UserSettingsHolder):
        own = {name: value for name, value in vars(holder).items() if name.isupper() and name != "SETTINGS_MODULE"}
        found = own | found
        holder = holder.default_settings
    return found


def name_of(function: Callable[..., Any]) -> str:
    return f"{function.__module__}:{function.__qualname__}"


def modules_of(tasks: Sequence[Task]) -> list[str]:
    names = {name for task in tasks for name in (task.function, task.unguard) if name}
    return sorted({name.partition(":")[0] for name in names})


# --- In the other processes -----------------------------------------------------------------------------------------
_channel: Connection | None = None


def fork_members() -> None:
    """Load Django and whatever is asked for; fork when told to, until the test is over."""
    django.setup()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system buries the children
    for count, modules in orders():
        for module in modules:
            import_module(module)
        for _ in range(count):
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                be_member(sys.argv[1])


def orders() -> Iterator[tuple[int, list[str]]]:
    while True:
        try:
            yield pickle.load(sys.stdin.buffer)  # noqa: S301  from the test
        except EOFError:
            return


def be_member(address: str) -> None:
    """Do the one thing that this process is for; never returns."""
    global _channel  # noqa: PLW0603  a process has one
    door = socket.socket(socket.AF_UNIX)
    door.connect(address)
    _channel = Connection(door.detach())
    _channel.send(os.getpid())
    try:
        _channel.send(("answer", answer_of(_channel.recv())))
        _channel.recv()  # until the test has it, and ends this process
    finally:
        os._exit(0)


def answer_of(task: Task) -> Any:
    try:
        for name, value in task.settings.items():
            setattr(settings, name, value)
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '60s'")  # whoever waits for a lock for ever is a failure, not a hang
        if task.unguard:
            function_of(task.unguard)()
        action = function_of(task.function)
        meet()
        return action(**task.arguments)
    except DomainError as refusal:
        return refusal.code
    except Exception as error:  # noqa: BLE001  the answer of this one
        traceback.print_exc()
        return type(error).__name__


def function_of(name: str) -> Callable[..., Any]:
    module, _, function = name.partition(":")
    found: Callable[..., Any] = getattr(import_module(module), function)
    return found


def meet() -> None:
    """Wait until every other process of the crowd has come to such a point, or has answered."""
    assert _channel is not None, "meet() is for actions of a crowd"
    _channel.send(("waiting", None))
    _channel.recv()
