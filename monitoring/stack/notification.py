"""The deployed configuration of Alertmanager, in which time may run faster."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monitoring.receivers.alertmanager import write_config
from monitoring.stack.configuration import read, write
from monitoring.stack.durations import divided
from monitoring.stack.programs import StackError

TIMES = ("group_wait", "group_interval", "repeat_interval", "resolve_timeout")


def write_alertmanager(folder: Path, *, settings: Mapping[str, str], speed: float = 1) -> Path:
    """Write alertmanager.yml, its templates and secrets. Raises StackError when the settings can't work."""
    try:
        file = write_config(folder, settings)
    except ValueError as error:
        raise StackError(str(error)) from error
    return file if speed == 1 else write(file, in_time(read(file), speed))


def in_time(value: Any, speed: float) -> Any:
    """The same configuration with shorter waits."""
    match value:
        case dict():
            return {
                name: divided(str(each), speed) if name in TIMES else in_time(each, speed)
                for name, each in value.items()
            }
        case list():
            return [in_time(each, speed) for each in value]
    return value
