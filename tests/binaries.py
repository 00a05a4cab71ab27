"""Programs that some tests need and a laptop may lack."""

import os
import shutil

import pytest

# Servers are not always on the PATH of a user.
PLACES = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"])


def require_binary(name: str) -> str:
    """Path of a program. Without it the test is skipped and says so; where CI=true it fails."""
    if found := shutil.which(name, path=PLACES):
        return found
    reason = f"{name} is not installed"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
