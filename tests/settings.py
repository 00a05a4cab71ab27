"""The site's settings over servers of this test run: one PostgreSQL for all its processes, a Redis for each."""

import atexit
import os
import shutil
import signal
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from coupon_site.servers import EmbeddedServers

_servers = ExitStack()


def _folder() -> Path:
    """A folder that the processes of one run share; removed by the one that made it."""
    if "TEST_RUN_DIR" not in os.environ:
        os.environ["TEST_RUN_DIR"] = tempfile.mkdtemp(prefix="site-")
        Path(os.environ["TEST_RUN_DIR"]).chmod(0o755)  # as root, the servers run as somebody else
        atexit.register(shutil.rmtree, os.environ["TEST_RUN_DIR"], ignore_errors=True)
    return Path(os.environ["TEST_RUN_DIR"])


def _start() -> None:
    folder = _folder()
    atexit.register(_servers.close)  # before the folder goes
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # a run that is ended leaves no server behind
    os.environ.update(VAR_DIR=str(folder), LOCAL="1", THROTTLE_USER="100000/min", THROTTLE_ANON="100000/min")
    if "DATABASE_URL" not in os.environ:
        shared = EmbeddedServers(folder / "shared", durable=False)
        _servers.enter_context(shared.running(redis=False))
        os.environ["DATABASE_URL"] = shared.database_url
    own = EmbeddedServers(folder / os.environ.get("PYTEST_XDIST_WORKER", "main"))
    _servers.enter_context(own.running(postgres=False))
    os.environ["REDIS_URL"] = own.redis_url


_start()

from coupon_site.settings import *  # noqa: E402, F403  reads the addresses set above

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
PROVIDER_TIMEOUT_SECONDS = 30  # a bank is slow in a busy run, and not away
# Otherwise each test's client makes a list of all static files before its first request.
WHITENOISE_AUTOREFRESH = True
