"""The site's database: pg_dump into one file, and back in one transaction."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import Conninfo
from psycopg.sql import SQL, Identifier

from coupon_site.servers import last_line
from monitoring.backups.errors import BackupError
from monitoring.backups.postgres_tools import folder_for

DUMP = "site.dump"
CHUNK = 1 << 20
# A database that was just created has an empty schema `public`: so it is again before the dump comes in.
PROLOGUE = b"""BEGIN;
SET LOCAL lock_timeout = '10s';
SET client_min_messages = warning;
DROP SCHEMA public CASCADE;
CREATE SCHEMA public AUTHORIZATION pg_database_owner;
GRANT USAGE ON SCHEMA public TO PUBLIC;
"""


@dataclass(frozen=True)
class Database:
    """A database by its address."""

    url: str

    def back_up(self, folder: Path) -> dict[str, Any]:
        """Write all of it, as of one moment, while it is used."""
        server = self.server_version
        with TemporaryFile() as said:
            command = ["pg_dump", "--format=custom", "--no-password", f"--file={folder / DUMP}"]
            if self.start(command, said, stdin=subprocess.DEVNULL).wait():
                raise BackupError(f"pg_dump: {first_error(said)}")
        migrations = self.count("SELECT count(*) FROM django_migrations")
        return {"server": f"{server // 10000}.{server % 10000}", "migrations": migrations}

    def restore(self, folder: Path) -> None:
        """Put the dump in the place of everything there is: all of it, or nothing when anything goes wrong."""
        with TemporaryFile() as said:
            read = ["pg_restore", "--no-owner", "--no-privileges", "--file=-", str(folder / DUMP)]
            write = ["psql", "--no-psqlrc", "--quiet", "--no-password", "--set=ON_ERROR_STOP=1"]
            with (
                self.start(read, said, stdout=subprocess.PIPE) as reading,
                self.start(write, said, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as writing,
            ):
                pass_on(reading, writing)
            if reading.returncode or writing.returncode:
                raise BackupError(f"The database is as it was: {first_error(said)}")

    def refuse_running(self) -> None:
        """Nothing to refuse: who holds a lock on the tables makes the restore fail as a whole."""

    def start(self, words: list[str], said: IO[bytes], **streams: int) -> subprocess.Popen[bytes]:
        """One of PostgreSQL's programs on this database; its address, with the password, stays off the command line."""
        program = folder_for(self.server_version) / words[0]
        environment = {**os.environ, **environment_of(self.url), "LC_ALL": "C"}
        return subprocess.Popen([program, *words[1:]], env=environment, stderr=said, **streams)  # type: ignore[call-overload,no-any-return]  # noqa: S603  our own words

    @property
    def is_empty(self) -> bool:
        tables = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
        return not self.count(tables)

    @property
    def server_version(self) -> int:
        """Such as 180001."""
        with self.connected() as connection:
            return connection.info.server_version

    def count(self, query: str) -> int:
        with self.connected() as connection:
            row = connection.execute(query.encode()).fetchone()
            return int(row[0]) if row else 0

    @contextmanager
    def connected(self) -> Iterator[psycopg.Connection[Any]]:
        try:
            with psycopg.connect(self.url, autocommit=True, connect_timeout=10) as connection:
                yield connection
        except psycopg.Error as error:
            raise BackupError(f"PostgreSQL: {last_line(str(error))}") from error

    @contextmanager
    def beside(self, name: str) -> Iterator["Database"]:
        """An empty database of that name on the same server, gone afterwards."""
        drop = SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(name))
        with self.connected() as connection:
            connection.execute(drop)
            connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
            try:
                yield Database(make_conninfo(self.url, dbname=name))
            finally:
                connection.execute(drop)


def pass_on(reading: subprocess.Popen[bytes], writing: subprocess.Popen[bytes]) -> None:
    """From one program to the other; the transaction is ended well only after the last byte."""
    assert reading.stdout is not None and writing.stdin is not None  # noqa: S101, PT018  they are pipes
    try:
        writing.stdin.write(PROLOGUE)
        shutil.copyfileobj(reading.stdout, writing.stdin, CHUNK)
        if reading.wait() == 0:
            writing.stdin.write(b"COMMIT;\n")
        writing.stdin.close()
        writing.wait()
    except BrokenPipeError:
        pass  # psql has ended at an error, and said which
    finally:
        # Without COMMIT nothing has happened.
        for process in (reading, writing):
            process.kill()
        with suppress(BrokenPipeError):
            writing.stdin.close()


def environment_of(url: str) -> dict[str, str]:
    """An address as libpq's variables."""
    names = {option.keyword.decode(): option.envvar for option in Conninfo.get_defaults()}
    values = {names.get(keyword): str(value) for keyword, value in conninfo_to_dict(url).items()}
    return {name.decode(): value for name, value in values.items() if name}


def first_error(said: IO[bytes]) -> str:
    """The first line that a program complains in, else its last."""
    said.seek(0)
    lines = said.read().decode(errors="replace").splitlines()
    errors = [line for line in lines if "error" in line.lower() or "fatal" in line.lower()]
    return (errors or lines[-1:] or ["it was ended"])[0]
