"""What every verb has."""

from argparse import ArgumentParser
from collections.abc import Callable
from typing import ClassVar, Protocol


class Output(Protocol):
    def write(self, msg: str = "") -> None: ...


class Verb:
    """One verb of `manage.py flags`: writes lines, and answers its closing sentence."""

    help: ClassVar[str]
    run: Callable[..., str]

    def __init__(self, out: Output, err: Output) -> None:
        self.say, self.warn = out.write, err.write

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        """None, unless a verb has some."""
