"""The deployed configuration of Alertmanager for servers on this machine, written by its own entry script."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "alertmanager"


def write_config(folder: Path, settings: Mapping[str, str]) -> Path:
    """Write alertmanager.yml, its templates and secrets below `folder`; without a setting its channel is left out.

    Raises ValueError with the script's words for settings that it refuses.
    """
    script = ["/bin/sh", str(FOLDER / "entrypoint.sh"), "render"]
    environment = {"PATH": os.environ["PATH"], "ALERTMANAGER_RUN": str(folder), **settings}
    done = subprocess.run(script, env=environment, capture_output=True, text=True, check=False)  # noqa: S603  our own
    if done.returncode:
        raise ValueError(done.stderr.strip())
    return folder / "alertmanager.yml"
