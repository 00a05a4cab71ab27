"""What a backup is made of, and where each part lives on this machine."""

from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from django.conf import settings

from monitoring.backups.database import Database
from monitoring.backups.folders import Folder
from monitoring.backups.prometheus import History
from monitoring.remote import Alertmanager, Prometheus, addresses

CONFIGURATION = ("deploy", "docker-compose.yml", "Procfile", ".env.example", "requirements.txt")
NAMES = ("database", "uploads", "prometheus", "alertmanager", "configuration")


class Part(Protocol):
    """Something that can be copied into a folder of its own, and put back from there."""

    def back_up(self, folder: Path) -> dict[str, Any]:
        """Fill the folder; what is worth knowing about it."""

    def restore(self, folder: Path) -> None:
        """Put the folder in the place of everything there is."""

    @property
    def is_empty(self) -> bool:
        """Whether a restore would overwrite nothing."""

    def refuse_running(self) -> None:
        """Raises BackupError while a server runs that would write into what is restored."""


def add_places(parser: ArgumentParser) -> None:
    """Options that say where the servers and their data are."""
    watching = settings.VAR_DIR / "monitoring"
    parser.add_argument(
        "--only", nargs="+", choices=NAMES, metavar="PART", help=f"some parts of: {', '.join(NAMES)} (default: all)"
    )
    parser.add_argument("--prometheus", metavar="URL", default=addresses.PROMETHEUS, help="(default %(default)s)")
    parser.add_argument(
        "--prometheus-data", metavar="FOLDER", type=Path, default=watching / "prometheus" / "data", help="its data"
    )
    parser.add_argument("--alertmanager", metavar="URL", default=addresses.ALERTMANAGER, help="(default %(default)s)")
    parser.add_argument(
        "--alertmanager-data", metavar="FOLDER", type=Path, default=watching / "alertmanager" / "data", help="its data"
    )
    parser.add_argument(
        "--textfiles",
        metavar="FOLDER",
        type=Path,
        default=settings.VAR_DIR / "textfiles",
        help="where node exporter reads the moment of the last success (default %(default)s)",
    )


def site_database() -> Database:
    """Past a pooler of transactions, which knows nothing of dumps."""
    return Database(settings.DATABASE_DIRECT_URL or settings.DATABASE_URL)


def parts_here(
    options: Mapping[str, Any], *, configuration: Path = settings.BASE_DIR, sample: str = "up"
) -> dict[str, Part]:
    """Every part by name, where the options say that it lives."""
    return {
        "database": site_database(),
        "uploads": Folder(Path(settings.MEDIA_ROOT), may_be_missing=True),
        "prometheus": History(Prometheus(options["prometheus"]), options["prometheus_data"], sample),
        "alertmanager": Folder(options["alertmanager_data"], user=Alertmanager(options["alertmanager"])),
        "configuration": Folder(configuration, CONFIGURATION),
    }
