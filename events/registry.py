"""What is to be called when: handlers of events, tasks to do later, sweeps by the clock. Decorators fill it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from events.errors import UnknownHandler

if TYPE_CHECKING:
    from events.events import Event
    from events.models import OutboxMessage

HandlerFunction = Callable[["OutboxMessage"], None]
SweepFunction = Callable[[], int]
H = TypeVar("H", bound=HandlerFunction)
S = TypeVar("S", bound=SweepFunction)
Surrounding = Callable[[], AbstractContextManager[object]]


@dataclass(frozen=True, kw_only=True)
class Handler:
    """A function that works off messages, under a name that messages can hold."""

    name: str
    topic: str
    function: HandlerFunction
    transactional: bool


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """A function that the leading worker runs by the clock."""

    name: str
    function: SweepFunction
    every: timedelta


@dataclass
class Registry:
    """Handlers by name and by event, the sweeps, and what is around each of their calls."""

    handlers: dict[str, Handler] = field(default_factory=dict)
    by_event: dict[type["Event"], list[Handler]] = field(default_factory=dict)
    sweeps: dict[str, Sweep] = field(default_factory=dict)
    surroundings: list[Surrounding] = field(default_factory=list)

    def add_handler(self, function: HandlerFunction, *, topic: str | None, transactional: bool) -> Handler:
        """Make a function known; raises ValueError when another has its name."""
        name = name_of(function)
        if name in self.handlers:
            raise ValueError(f"{name} is registered already")
        handler = Handler(
            name=name, topic=topic or name.partition(".")[0], function=function, transactional=transactional
        )
        self.handlers[name] = handler
        return handler

    def handlers_of(self, event: type["Event"]) -> list[Handler]:
        """Who wants to know of an event."""
        return self.by_event.get(event, [])

    def handler(self, name: str) -> Handler:
        """The handler of that name; raises UnknownHandler."""
        try:
            return self.handlers[name]
        except KeyError:
            raise UnknownHandler(f"no handler is named {name}") from None

    def topics(self) -> list[str]:
        """Every topic that has a handler."""
        return sorted({handler.topic for handler in self.handlers.values()})

    def task_names(self, topics: Sequence[str]) -> list[str]:
        """What workers of these topics call, in the words of figures; any of them may come to lead the sweeps."""
        called = [handler.name for handler in self.handlers.values() if handler.topic in topics]
        return sorted({task_name(name) for name in (*called, *self.sweeps)})

    def unit_of_work(self) -> AbstractContextManager[object]:
        """One call of a handler or a sweep, or one message of a socket, within all that apps want around it."""
        return self.surroundings[0]() if len(self.surroundings) == 1 else self.all_around()

    @contextmanager
    def all_around(self) -> Iterator[None]:
        with ExitStack() as stack:
            for surrounding in self.surroundings:
                stack.enter_context(surrounding())
            yield


registry = Registry()


def name_of(function: Callable[..., object]) -> str:
    """The dotted name under which messages refer to a function."""
    return f"{function.__module__}.{function.__qualname__}"


def task_name(name: str) -> str:
    """`orders.expire` of `orders.handlers.expire`: where a function lies may change, figures go on."""
    return f"{name.partition('.')[0]}.{name.rpartition('.')[2]}"


def handles(*events: type["Event"], topic: str | None = None, transactional: bool = True) -> Callable[[H], H]:
    """Call the function for each of these events, once per event; `topic` is the app's label unless given.

    Transactional ones run in one transaction with the write that finishes the message, many at a time. The others, for
    effects on the outside world, run in autocommit mode, several at once in threads of their own. Either may be called
    twice, and must not mind.
    """

    def register(function: H) -> H:
        handler = registry.add_handler(function, topic=topic, transactional=transactional)
        for event in events:
            registry.by_event.setdefault(event, []).append(handler)
        return function

    return register


def task(*, topic: str | None = None, transactional: bool = True) -> Callable[[H], H]:
    """Make the function something that `enqueue` can ask for."""

    def register(function: H) -> H:
        registry.add_handler(function, topic=topic, transactional=transactional)
        return function

    return register


def sweep(*, every: timedelta) -> Callable[[S], S]:
    """Run the function by the clock, in whichever worker leads; it answers how many things it has done."""

    def register(function: S) -> S:
        name = name_of(function)
        registry.sweeps[name] = Sweep(name=name, function=function, every=every)
        return function

    return register


def around(surrounding: Surrounding) -> None:
    """Enter this context around every call of a handler, every sweep and every message of a socket."""
    registry.surroundings.append(surrounding)
