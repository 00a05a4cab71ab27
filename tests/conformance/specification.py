"""Unleash's client specification, as npm has it: every file with its state and its cases."""

import base64
import hashlib
import json
import subprocess
import tarfile
from pathlib import Path
from typing import Any

from django.conf import settings

from tests.binaries import missing, require_binary

PACKAGE = "@unleash/client-specification"
VERSION = "6.1.0"
SHA512 = "1LG5IPFb9ocM5yDpPBjZdNDtO8fC7UeRY+8wQgwtmuTL1fM+ZL7qqK7otV1fUQsKpioYG5vxN4EN7I57quygkQ=="
ARCHIVE = settings.BASE_DIR / "var" / "npm" / f"unleash-client-specification-{VERSION}.tgz"


def specification(folder: Path) -> dict[str, dict[str, Any]]:
    """File name → content, of exactly the release that is meant; fetched once per checkout."""
    if not ARCHIVE.exists():
        fetch(folder)
    content = ARCHIVE.read_bytes()
    assert base64.b64encode(hashlib.sha512(content).digest()).decode() == SHA512, f"{ARCHIVE} is another file"
    with tarfile.open(ARCHIVE) as archive:
        index = json.load(opened(archive, "index.json"))
        return {name: json.load(opened(archive, name)) for name in index}


def opened(archive: tarfile.TarFile, name: str) -> Any:
    return archive.extractfile(f"package/specifications/{name}")


def fetch(folder: Path) -> None:
    """With npm; without it, or without the registry, the test is skipped on a laptop and fails where CI=true."""
    npm = require_binary("npm")
    command = [npm, "pack", f"{PACKAGE}@{VERSION}", "--silent", "--pack-destination", str(folder)]
    done = subprocess.run(command, check=False, cwd=folder, capture_output=True, text=True, timeout=120)
    if done.returncode:
        missing(f"npm can't fetch {PACKAGE}: {done.stderr[-300:]}")
    ARCHIVE.parent.mkdir(parents=True, exist_ok=True)
    (folder / done.stdout.strip()).replace(ARCHIVE)  # whole or not at all, whoever else fetches it too
