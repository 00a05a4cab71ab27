"""A PostgreSQL that a test may stop, hang and start again."""

import os
import signal
import subprocess
from contextlib import suppress

import psutil
from django.conf import settings
from django.db import connection
from psycopg.conninfo import make_conninfo

from coupon_site.servers import EmbeddedServers


class PrivatePostgres(EmbeddedServers):
    """Of one folder, with the schema of the test's database and the rows that migrations made."""

    def copy_schema(self) -> None:
        source = make_conninfo(settings.DATABASE_URL, dbname=connection.settings_dict["NAME"])
        dump = subprocess.run([self.binaries / "pg_dump", "-O", "-d", source], capture_output=True, check=True)
        restore = [self.binaries / "psql", "-q", "-v", "ON_ERROR_STOP=1", "-d", self.database_url]
        subprocess.run(restore, input=dump.stdout, capture_output=True, check=True)

    def stop(self) -> None:
        """At once, as a power cut does."""
        self._control("-m", "immediate", "stop")

    def restart(self) -> None:
        self.thaw()
        self._start_postgres()

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        with suppress(FileNotFoundError, psutil.NoSuchProcess):
            pid = int((self.home / "postgres" / "postmaster.pid").read_text().split("\n", 1)[0])
            for each in [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]:
                os.kill(each.pid, number)

    def _control(self, *words: str) -> None:
        done = self._run([self.binaries / "pg_ctl", "-D", self.home / "postgres", "-w", *words])
        assert done.returncode == 0, done.stderr
