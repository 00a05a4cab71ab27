"""What a backup holds: each file with its size and SHA-256, and what each part tells of itself."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monitoring.backups.errors import BackupError

NAME = "MANIFEST.json"
FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """`parts` maps a part to its facts; `files` maps a path inside the backup to size and digest."""

    made_at: str
    site_version: str
    site_commit: str
    parts: dict[str, dict[str, Any]]
    files: dict[str, tuple[int, str]]

    def write(self, folder: Path) -> None:
        files = {path: {"bytes": size, "sha256": digest} for path, (size, digest) in self.files.items()}
        site = {"version": self.site_version, "commit": self.site_commit}
        content = {"format": FORMAT, "made_at": self.made_at, "site": site, "parts": self.parts, "files": files}
        (folder / NAME).write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")

    def size_of(self, part: str) -> int:
        return sum(size for path, (size, _) in self.files.items() if path.startswith(f"{part}/"))


def read_manifest(folder: Path) -> Manifest:
    """Raises BackupError."""
    try:
        content = json.loads((folder / NAME).read_text())
        if content["format"] != FORMAT:
            raise BackupError(f"{folder} is of format {content['format']}, this version reads {FORMAT}")
        return Manifest(
            made_at=content["made_at"],
            site_version=content["site"]["version"],
            site_commit=content["site"]["commit"],
            parts=content["parts"],
            files={path: (each["bytes"], each["sha256"]) for path, each in content["files"].items()},
        )
    except FileNotFoundError as error:
        raise BackupError(f"{folder} is no whole backup: it has no {NAME}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise BackupError(f"{folder / NAME} can't be read: {error}") from error


def files_below(folder: Path) -> dict[str, tuple[int, str]]:
    """Path → size and digest of every file but the manifest."""
    found = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / NAME)
    return {path.relative_to(folder).as_posix(): (path.stat().st_size, digest_of(path)) for path in found}


def digest_of(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def verify(folder: Path) -> Manifest:
    """The manifest of a backup in which every file is as it was written. Raises BackupError."""
    manifest = read_manifest(folder)
    found = files_below(folder)
    missing, foreign = manifest.files.keys() - found.keys(), found.keys() - manifest.files.keys()
    changed = {path for path, fact in manifest.files.items() if path in found and found[path] != fact}
    for what, paths in (("is missing", missing), ("is not in the manifest", foreign), ("has changed", changed)):
        if paths:
            more = f" (and {len(paths) - 1} more)" if len(paths) > 1 else ""
            raise BackupError(f"{folder}: {min(paths)} {what}{more}")
    return manifest
