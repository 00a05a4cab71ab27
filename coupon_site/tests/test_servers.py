"""The embedded servers: started, shared, found again after a kill, and gone at the end."""

import multiprocessing
import os
import pwd
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import psycopg
import pytest
import redis

from coupon_site.servers import EmbeddedServers, ServerError

ROOT = Path(__file__).resolve().parents[2]
HOLD = """
import sys, time
from pathlib import Path
from coupon_site.servers import EmbeddedServers
with EmbeddedServers(Path(sys.argv[1])).running():
    print("up", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    with TemporaryDirectory(prefix="servers-") as name:
        Path(name).chmod(0o777)
        yield Path(name)


def hold(folder: Path) -> subprocess.Popen[bytes]:
    """Another process that uses the servers until its standard input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(HOLD), str(folder)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout
    assert process.stdout.readline() == b"up\n"
    return process


def let_go(process: subprocess.Popen[bytes]) -> None:
    process.communicate(b"")
    assert process.returncode == 0


def alive(folder: Path) -> list[str]:
    """Command lines of processes that name the folder."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        words = process.info["cmdline"] or []
        if process.info["status"] != psutil.STATUS_ZOMBIE and any(str(folder) in word for word in words):
            found.append(" ".join(words))
    return found


def test_running__both_answer_and_keep_their_data(folder: Path) -> None:
    servers = EmbeddedServers(folder)
    with servers.running(), psycopg.connect(servers.database_url) as connection:
        connection.execute("CREATE TABLE kept (n int)")
        assert redis.Redis.from_url(servers.redis_url).ping()

    with servers.running(), psycopg.connect(servers.database_url) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)

    assert alive(folder) == []


def test_second_user__keeps_the_servers_up_when_the_first_leaves(folder: Path) -> None:
    servers = EmbeddedServers(folder)
    with servers.running():
        other = hold(folder)

    psycopg.connect(servers.database_url).close()
    let_go(other)
    assert alive(folder) == []


def test_killed_user__leaves_no_lock_behind(folder: Path) -> None:
    servers = EmbeddedServers(folder)
    killed = hold(folder)
    killed.kill()
    killed.communicate()

    with servers.running():
        psycopg.connect(servers.database_url).close()

    assert alive(folder) == []


def test_killed_postgres__starts_again_over_its_stale_pid_file(folder: Path) -> None:
    servers = EmbeddedServers(folder)
    killed = hold(folder)
    pid_file = servers.home / "postgres" / "postmaster.pid"
    os.kill(int(pid_file.read_text().split("\n")[0]), signal.SIGKILL)
    killed.kill()
    killed.communicate()
    lines = pid_file.read_text().split("\n")
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]))  # the pid has become somebody else's

    with servers.running():
        psycopg.connect(servers.database_url).close()


def test_long_path__sockets_move_to_a_shorter_one(folder: Path) -> None:
    servers = EmbeddedServers(folder / ("long" * 30))

    with servers.running():
        psycopg.connect(servers.database_url).close()

    assert str(folder) not in str(servers.sockets)


def as_ordinary_user(call: Callable[[], None]) -> int | None:
    """The exit code of a process that gives up root's rights, where we have them, and calls."""
    process = multiprocessing.get_context("fork").Process(target=give_up_rights_and, args=[call])
    process.start()
    process.join()
    return process.exitcode


def give_up_rights_and(call: Callable[[], None]) -> None:
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.setgroups([])
        os.setgid(nobody.pw_gid)
        os.setuid(nobody.pw_uid)
    call()


def test_ordinary_user__needs_no_rights(folder: Path) -> None:
    servers = EmbeddedServers(folder / "own")

    def use() -> None:
        with servers.running():
            psycopg.connect(servers.database_url).close()
        assert os.geteuid() == (folder / "own" / "postgres").stat().st_uid != 0

    assert as_ordinary_user(use) == 0


def test_folder_of_another_user__is_one_clear_line(folder: Path) -> None:
    def use() -> None:
        with pytest.raises(ServerError, match="belongs to another user"), EmbeddedServers(folder / "new").running():
            pass

    folder.chmod(0o555)

    assert as_ordinary_user(use) == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's folders can be out of reach for the servers' account")
def test_root_in_a_closed_folder__data_lie_where_the_account_can_reach(folder: Path) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    servers = EmbeddedServers(closed / "data")

    with servers.running():
        psycopg.connect(servers.database_url).close()

    assert closed not in servers.home.parents
    shutil.rmtree(servers.home)
