"""Programs of the system: found, started, waited for and stopped."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

# Program → Debian's package. Servers are not always on the PATH of a user.
PACKAGES = {
    "prometheus": "prometheus",
    "prometheus-alertmanager": "prometheus-alertmanager",
    "prometheus-node-exporter": "prometheus-node-exporter",
    "prometheus-postgres-exporter": "prometheus-postgres-exporter",
    "prometheus-redis-exporter": "prometheus-redis-exporter",
}
# Names under which the projects themselves publish what Debian renames.
OTHER_NAMES = {name: name.removeprefix("prometheus-") for name in PACKAGES if name != "prometheus"} | {
    name: name.removeprefix("prometheus-").replace("-", "_") for name in PACKAGES if name.endswith("-exporter")
}
PLACES = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"])
START_SECONDS = 60.0
STOP_SECONDS = 15.0
LAST_LINES = 5


class StackError(Exception):
    """The stack can't be started; the message is one line that says what to do."""


class ProgramsMissing(StackError):
    """Programs are not installed."""

    def __init__(self, names: Iterable[str]) -> None:
        packages = " ".join(sorted({PACKAGES[name] for name in names}))
        super().__init__(f"Not installed: {packages}. On Debian or Ubuntu: sudo apt-get install {packages}")


def find(name: str) -> str | None:
    return shutil.which(name, path=PLACES) or shutil.which(OTHER_NAMES.get(name, name), path=PLACES)


def require(names: Iterable[str]) -> dict[str, str]:
    """Program → path. Raises ProgramsMissing, which names the packages of all that are not there."""
    found = {name: find(name) for name in names}
    if missing := [name for name, path in found.items() if not path]:
        raise ProgramsMissing(missing)
    return {name: path for name, path in found.items() if path}


@contextmanager
def running(
    command: Sequence[str], *, log: Path, ready_url: str, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A server that answers at `ready_url`; it is stopped at the end. What it writes goes to `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603  programs of the system
            [str(part) for part in command],
            stdout=output,
            stderr=output,
            env={**os.environ, **(environment or {})},
            start_new_session=True,  # Ctrl-C is ours: we stop in order
        )
    try:
        wait_until(lambda: answers(ready_url), process, log)
        yield process
    finally:
        stop(process)


def wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        name = Path(str(process.args[0])).name  # type: ignore[index]  # a list, see `running`
        if process.poll() is not None or time.monotonic() > deadline:
            raise StackError(f"{name} does not start: see {log}. {last_lines(log)}")
        time.sleep(0.05)


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def last_lines(log: Path) -> str:
    return " ".join(log.read_text(errors="replace").splitlines()[-LAST_LINES:])


def choose_ports(usual: Mapping[str, int], asked: Mapping[str, int]) -> dict[str, int]:
    """The port that was asked for, else the usual one (0: any), else a free one where that is taken."""
    chosen: dict[str, int] = {}
    with_probes: list[socket.socket] = []
    try:
        for name, port in usual.items():
            probe = bound(asked[name]) if name in asked else bound(port) or bound(0)
            if probe is None:
                raise StackError(f"Port {asked[name]} is in use: stop what uses it, or give {name} another.")
            with_probes.append(probe)
            chosen[name] = int(probe.getsockname()[1])
    finally:
        for probe in with_probes:
            probe.close()
    return chosen


def bound(port: int) -> socket.socket | None:
    """A socket that holds a port; None when somebody else does."""
    probe = socket.socket()
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        probe.bind(("127.0.0.1", port))
    except OSError:
        probe.close()
        return None
    return probe
