"""What keeps a backup honest: it is whole or not there, and a restore is done as a whole or not at all."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from monitoring.backups import folders, shelf, textfile
from monitoring.backups.database import DUMP, Database, environment_of
from monitoring.backups.errors import BackupError
from monitoring.backups.manifest import NAME, Manifest, files_below, verify
from monitoring.backups.parts import site_database

ROWS = 20_000
WAITING = (
    "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database "
    "WHERE datname = current_database() AND NOT granted"
)


@pytest.fixture
def database(worker_id: str) -> Iterator[Database]:
    """An empty database of its own."""
    with site_database().beside(f"back_up_{worker_id}") as made:
        yield made


def fill(database: Database) -> None:
    with database.connected() as connection:
        connection.execute("CREATE TABLE django_migrations AS SELECT * FROM generate_series(1, 20000) AS id")
        connection.execute("CREATE TABLE goods AS SELECT id, md5(id::text) AS name FROM django_migrations")


def goods(database: Database) -> int:
    return database.count("SELECT count(*) FROM goods")


def test_restored_database__is_what_was_dumped_and_nothing_more(database: Database, tmp_path: Path) -> None:
    fill(database)
    facts = database.back_up(tmp_path)
    with database.connected() as connection:
        connection.execute("DELETE FROM goods")
        connection.execute("CREATE TABLE later ()")

    database.restore(tmp_path)

    assert facts["migrations"] == ROWS
    assert goods(database) == ROWS
    assert database.count("SELECT count(*) FROM pg_class WHERE relname = 'later'") == 0
    assert database.count("SELECT has_schema_privilege('pg_database_owner', 'public', 'CREATE')::int") == 1


def test_cut_off_dump__leaves_the_database_as_it_was(database: Database, tmp_path: Path) -> None:
    fill(database)
    database.back_up(tmp_path)
    dump = tmp_path / DUMP
    dump.write_bytes(dump.read_bytes()[: dump.stat().st_size * 2 // 3])
    with database.connected() as connection:
        connection.execute("DELETE FROM goods WHERE id > 7")

    with pytest.raises(BackupError, match="The database is as it was: pg_restore: error: "):
        database.restore(tmp_path)

    assert goods(database) == 7


def test_restore_that_is_killed__leaves_the_database_as_it_was(database: Database, tmp_path: Path) -> None:
    fill(database)
    database.back_up(tmp_path)
    program = (
        "import sys; from pathlib import Path;"
        "from monitoring.backups.database import Database;"
        "Database(sys.argv[1]).restore(Path(sys.argv[2]))"
    )
    with database.connected() as holder, holder.transaction():
        holder.execute("DELETE FROM goods WHERE id > 7")  # the restore waits for this lock
        with subprocess.Popen(
            [sys.executable, "-c", program, database.url, str(tmp_path)], start_new_session=True
        ) as restoring:
            deadline = time.monotonic() + 120
            while not database.count(WAITING):
                assert time.monotonic() < deadline
                time.sleep(0.02)
            restoring.kill()

    deadline = time.monotonic() + 120
    while database.count(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'psql' AND datname = current_database()"
    ):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert goods(database) == 7


def test_password__travels_in_the_environment() -> None:
    given = environment_of("postgresql://someone:s3cret@db.example:6432/shop?sslmode=require")

    assert (
        given.items()
        >= {
            "PGHOST": "db.example",
            "PGPORT": "6432",
            "PGUSER": "someone",
            "PGPASSWORD": "s3cret",
            "PGDATABASE": "shop",
            "PGSSLMODE": "require",
        }.items()
    )


# --- The folder ---
def make_backup(folder: Path) -> None:
    with shelf.whole(folder) as draft:
        (draft / "uploads").mkdir()
        (draft / "uploads" / "a").write_text("one")
        (draft / "uploads" / "b").write_text("two")
        Manifest(
            made_at="now", site_version="1", site_commit="c", parts={"uploads": {}}, files=files_below(draft)
        ).write(draft)


def change(folder: Path) -> None:
    (folder / "uploads" / "a").write_text("ONE")


def lose(folder: Path) -> None:
    (folder / "uploads" / "b").unlink()


def add(folder: Path) -> None:
    (folder / "uploads" / "c").write_text("three")


def forget_manifest(folder: Path) -> None:
    (folder / NAME).unlink()


def cut_manifest(folder: Path) -> None:
    (folder / NAME).write_text((folder / NAME).read_text()[:100])


def other_format(folder: Path) -> None:
    (folder / NAME).write_text(json.dumps({"format": 99}))


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (change, "uploads/a has changed"),
        (lose, "uploads/b is missing"),
        (add, "uploads/c is not in the manifest"),
        (forget_manifest, "is no whole backup"),
        (cut_manifest, "can't be read"),
        (other_format, "is of format 99"),
    ],
)
def test_harmed_backup__is_refused(tmp_path: Path, harm, said: str) -> None:
    folder = tmp_path / "20261121T120000Z"
    make_backup(folder)
    assert verify(folder).size_of("uploads") == 6

    harm(folder)

    with pytest.raises(BackupError, match=said):
        verify(folder)


def test_failed_backup__leaves_nothing(tmp_path: Path) -> None:
    with suppress(RuntimeError), shelf.whole(tmp_path / "20261121T120000Z") as draft:
        (draft / "file").touch()
        raise RuntimeError

    assert list(tmp_path.iterdir()) == []


def test_backups__are_kept_to_a_number_and_the_oldest_go(tmp_path: Path) -> None:
    for day in (20, 21, 22):
        make_backup(tmp_path / f"202611{day}T120000Z")
    (tmp_path / "notes").mkdir()

    assert [gone.name for gone in shelf.forget_all_but(tmp_path, 2)] == ["20261120T120000Z"]

    assert sorted(path.name for path in tmp_path.iterdir()) == ["20261121T120000Z", "20261122T120000Z", "notes"]


class HangingPrometheus(BaseHTTPRequestHandler):
    """Knows a sample; never ends a snapshot."""

    asked = Event()
    end = Event()

    def do_GET(self) -> None:
        series = [{"metric": {"job": "app-web"}, "value": [1, "1"]}]
        body = json.dumps({"status": "success", "data": {"resultType": "vector", "result": series}}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.asked.set()
        self.end.wait(300)

    def log_message(self, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def hanging_prometheus() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), HangingPrometheus)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        HangingPrometheus.end.set()
        server.shutdown()
        server.server_close()


def test_backup_killed_half_way__looks_like_nothing_and_the_next_one_cleans_up(
    tmp_path: Path, hanging_prometheus: str
) -> None:
    (tmp_path / "data").mkdir()
    words = ["monitoring", "backup", f"--to={tmp_path}", f"--textfiles={tmp_path / 'text'}"]
    slow = [
        *words,
        "--only",
        "configuration",
        "prometheus",
        f"--prometheus={hanging_prometheus}",
        f"--prometheus-data={tmp_path / 'data'}",
    ]
    with subprocess.Popen(
        [sys.executable, "-m", "django", *slow], cwd=settings.BASE_DIR, stdout=subprocess.DEVNULL
    ) as making:
        try:
            assert HangingPrometheus.asked.wait(120)
            with pytest.raises(CommandError, match=r"Another backup to .* is under way"):
                call_command(*words, "--only", "configuration")
        finally:
            making.kill()

    assert shelf.backups_on(tmp_path) == []
    (rest,) = tmp_path.glob(".*.partial")
    with pytest.raises(CommandError, match="is no whole backup"):
        call_command("monitoring", "restore", str(rest), "--check")
    with pytest.raises(CommandError, match="There is no backup"):
        call_command("monitoring", "restore", "latest", f"--from={tmp_path}")
    assert not (tmp_path / "text").exists()

    call_command(*words, "--only", "configuration")

    (backup,) = shelf.backups_on(tmp_path)
    assert (backup / "configuration" / "deploy" / "prometheus" / "prometheus.yml").is_file()
    assert not list(tmp_path.glob(".*.partial"))


# --- Putting folders back ---
def test_replaced_folder__holds_the_backup_alone(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "01BLOCK").mkdir(parents=True)
    (source / "01BLOCK" / "index").write_text("new")
    (target / "01OLD").mkdir(parents=True)
    (target / "wal").mkdir()

    folders.replace(target, source, barrier="wal")

    assert sorted(path.relative_to(target).as_posix() for path in target.rglob("*")) == ["01BLOCK", "01BLOCK/index"]


def test_restore_that_ends_between_two_blocks__leaves_a_folder_on_which_prometheus_cannot_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    for name in ("01A", "01B"):
        (source / name).mkdir(parents=True)
    rename = Path.rename

    def fail_at_the_second(self: Path, to: Path) -> Path:
        if self.name == "01B":
            raise OSError
        return rename(self, to)

    monkeypatch.setattr(Path, "rename", fail_at_the_second)
    with pytest.raises(OSError):  # noqa: PT011  as raised above
        folders.replace(target, source, barrier="wal")

    assert (target / "wal").is_file()
    assert not folders.is_empty(target)
    monkeypatch.undo()
    folders.replace(target, source, barrier="wal")
    assert folders.entries_of(target) == {"01A", "01B"}


# --- Moments for Prometheus ---
def test_moment_of_a_part__outlives_a_backup_of_another(tmp_path: Path) -> None:
    textfile.note_backup(tmp_path, ["database"])
    first = textfile.moments_in(tmp_path / "backup.prom")["database"]

    textfile.note_backup(tmp_path, ["prometheus"])

    found = textfile.moments_in(tmp_path / "backup.prom")
    assert found["database"] == first
    assert time.time() - 60 < found["database"] <= found["prometheus"] <= time.time()


def test_textfile__is_replaced_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    textfile.note_backup(tmp_path, ["database"])
    before = (tmp_path / "backup.prom").read_text()

    def fail(*args: object) -> None:
        raise OSError

    monkeypatch.setattr(os, "rename", fail)
    with pytest.raises(OSError):  # noqa: PT011  as raised above
        textfile.note_backup(tmp_path, ["uploads"])

    assert (tmp_path / "backup.prom").read_text() == before
    assert [path.name for path in tmp_path.iterdir()] == ["backup.prom"]


def test_broken_textfile__is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "backup.prom").write_text("no metrics {")

    textfile.note_backup(tmp_path, ["database"])

    assert textfile.moments_in(tmp_path / "backup.prom").keys() == {"database"}
