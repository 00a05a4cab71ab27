"""Promtool, and the rules as it reads them."""

import re
import subprocess
from pathlib import Path
from typing import Any

from tests.binaries import require_binary
from tests.deploy.files import DEPLOY, read_yaml

RULES = DEPLOY / "prometheus" / "rules"
TESTS = DEPLOY / "prometheus" / "tests"

RULE_FILES = sorted(RULES.glob("*.yml"))
TEST_FILES = sorted(TESTS.glob("*.yml"))

NAME = re.compile(r"^ +name: (.+),$", re.MULTILINE)


def promtool(*arguments: str | Path, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [require_binary("promtool"), *map(str, arguments)]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)


def rules_of(file: Path) -> list[dict[str, Any]]:
    """Rules of a file, one after another."""
    return [rule for group in read_yaml(file)["groups"] for rule in group["rules"]]


def failing_tests(file: Path) -> set[str]:
    """Names of the tests of a file in which an alert does not do as it should."""
    tested = promtool("test", "rules", file)
    return set(NAME.findall(tested.stdout + tested.stderr))
