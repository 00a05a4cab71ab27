"""Points at which a process of the product is killed as by a power cut."""

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from typing import Any, Literal, NamedTuple

from django.core.management import call_command

from events.registry import registry
from events.services import execution
from events.sweeper import run_sweep

Moment = Literal["before", "after", "finished"]


class Stage(NamedTuple):
    """Before or after a function is called: `module:name` or `module:Class.name`, or the name of a handler.

    `finished` is for handlers: their message is finished too, which is committed together with what they wrote.
    """

    target: str
    moment: Moment

    def arm(self) -> None:
        """From now on this process does not get past the stage."""
        if self.target in registry.handlers:
            self.arm_handler()
            return
        module, _, path = self.target.partition(":")
        *classes, name = path.split(".")
        owner = import_module(module)
        for part in classes:
            owner = getattr(owner, part)
        setattr(owner, name, self.deadly(getattr(owner, name)))

    def arm_handler(self) -> None:
        handler = registry.handlers[self.target]
        if self.moment != "finished":
            registry.handlers[self.target] = replace(handler, function=self.deadly(handler.function))
            return
        finish = execution.finish

        def finish_and_die(*, messages: Any, **rest: Any) -> None:
            finish(messages=messages, **rest)
            if any(message.handler == self.target for message in messages):
                die()

        execution.finish = finish_and_die

    def deadly(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> None:
            if self.moment == "after":
                function(*arguments, **named)
            die()

        return call


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


# --- What runs in the process that dies ------------------------------------------------------------------------------
def work(*, stage: Stage | None, topics: tuple[str, ...] = ()) -> str:
    if stage:
        stage.arm()
    call_command("run_worker", once=True, topics=list(topics))
    return "lived"


def relay(*, stage: Stage | None) -> str:
    if stage:
        stage.arm()
    call_command("run_relay", once=True)
    return "lived"


def sweep(*, name: str, stage: Stage | None) -> str:
    if stage:
        stage.arm()
    run_sweep(registry.sweeps[name])
    return "lived"
