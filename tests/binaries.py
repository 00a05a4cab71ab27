"""Programs that some tests need and a laptop may lack."""

import os
import shutil
from typing import NoReturn

import pytest

# Servers are not always on the PATH of a user.
PLACES = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"])


def require_binary(name: str) -> str:
    """Path of a program; a test can't go on without it."""
    return shutil.which(name, path=PLACES) or missing(f"{name} is not installed")


def missing(what: str) -> NoReturn:
    """What a test needs is not on this machine: it is skipped and says so. Where CI=true it fails."""
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)
