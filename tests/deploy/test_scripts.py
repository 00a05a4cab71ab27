"""The scripts of deploy/scripts: clean shell, and what each of them does to docker, kubectl and manage.py."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.files import DEPLOY

SCRIPTS = sorted((DEPLOY / "scripts").glob("*.sh"))
SHELLCHECK = str(Path(sys.executable).with_name("shellcheck"))
RUN = [script for script in SCRIPTS if script.name != "site.sh"]
ENV = "SECRET_KEY=x\nSITE_VERSION=1.3.0\nCOMPOSE_FILE=docker-compose.yml:deploy/compose/monitoring.yml\nHTTPS=true\n"
SITE = ["web", "sockets", "worker", "importer", "relay", "exporter"]
# Writes down how it was called; fails where FAIL_ON stands in the call.
STUB = """#!/bin/sh
echo "$(basename "$0") $*" >> "$CALLS"
case "$*" in
  "image ls"*) printf '1.3.0\\n1.2.9\\n<none>\\n1.2.8\\n' ;;
  "image inspect"*:0.*) exit 1 ;;
esac
if [ -n "$FAIL_ON" ]; then case "$*" in *"$FAIL_ON"*) exit 1 ;; esac; fi
"""


class Machine:
    """A checkout with an .env, and stand-ins of the programs that scripts call."""

    def __init__(self, root: Path) -> None:
        self.root, self.calls_file = root, root / "calls"
        shutil.copytree(DEPLOY / "scripts", root / "deploy" / "scripts")
        (root / ".env").write_text(ENV)
        (root / "bin").mkdir()
        for name in ("docker", "kubectl", "python"):
            (root / "bin" / name).write_text(STUB)
            (root / "bin" / name).chmod(0o755)

    def run(self, script: str, *words: str, where: str = "", fail_on: str = "") -> subprocess.CompletedProcess[str]:
        self.calls_file.write_text("")
        given = {"WHERE": where, "FAIL_ON": fail_on, "CALLS": str(self.calls_file), "USER": "someone"}
        environment = {**os.environ, **given, "PATH": f"{self.root / 'bin'}:{os.environ['PATH']}"}
        for name in ("COMPOSE_FILE", "SUDO_USER"):
            environment.pop(name, None)
        environment["PYTHON"] = str(self.root / "bin" / "python")
        command = ["bash", str(self.root / "deploy" / "scripts" / script), *words]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd="/")

    @property
    def calls(self) -> list[str]:
        return self.calls_file.read_text().splitlines()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_script__is_clean_shell(script: Path) -> None:
    for command in (["bash", "-n"], [SHELLCHECK, "--external-sources", "--source-path=SCRIPTDIR"]):
        checked = subprocess.run([*command, str(script)], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("script", RUN, ids=lambda script: script.name)
def test_script__can_be_run_and_says_how(script: Path, machine: Machine) -> None:
    assert os.access(script, os.X_OK)
    assert script.read_text().startswith("#!/usr/bin/env bash\n")
    assert "set -euo pipefail" in script.read_text()

    told = machine.run(script.name, "--help")

    assert told.returncode == 0
    assert script.name in told.stdout
    assert machine.calls == []


def test_scripts__are_all_that_were_promised() -> None:
    promised = "start-monitoring verify-monitoring backup-monitoring restore-monitoring rollback silence test-alert"

    assert {script.stem for script in RUN} == set(promised.split())


@pytest.mark.parametrize("script", ["restore-monitoring.sh", "silence.sh", "rollback.sh"])
def test_script_without_what_it_needs__says_how_and_does_nothing(script: str, machine: Machine) -> None:
    told = machine.run(script)

    assert told.returncode == 2
    assert script in told.stdout
    assert machine.calls == []


@pytest.mark.parametrize(
    ("script", "words", "verb"),
    [
        ("start-monitoring.sh", [], "start"),
        ("verify-monitoring.sh", ["--buy"], "verify --buy"),
        ("backup-monitoring.sh", ["--keep", "7"], "backup --keep 7"),
        ("restore-monitoring.sh", ["latest", "--drill"], "restore latest --drill"),
        ("test-alert.sh", ["--severity", "critical"], "test-alert --severity critical"),
        ("silence.sh", ["A", "--comment", "two words"], "silence --by someone A --comment two words"),
    ],
)
def test_checkout__commands_are_its_own(script: str, words: list[str], verb: str, machine: Machine) -> None:
    assert machine.run(script, *words, where="checkout").returncode == 0

    assert machine.calls == [f"python manage.py monitoring {verb}"]


def test_containers__are_asked_by_their_names(machine: Machine) -> None:
    assert machine.run("verify-monitoring.sh", "--buy").returncode == 0

    (call,) = machine.calls
    assert call.startswith("docker compose exec -T web python manage.py monitoring verify --web http://backend:8000 ")
    assert call.endswith("--prometheus http://prometheus:9090 --alertmanager http://alertmanager:9093 --buy")


def test_cluster__is_asked_in_a_pod_of_web(machine: Machine) -> None:
    assert machine.run("test-alert.sh", where="kubernetes").returncode == 0

    (call,) = machine.calls
    assert call.startswith(
        "kubectl --namespace coupon-site exec deployment/web -- python manage.py monitoring test-alert"
    )


def test_start__waits_until_containers_are_well_and_names_their_addresses(machine: Machine) -> None:
    told = machine.run("start-monitoring.sh")

    assert [call.split("--wait-timeout")[0].strip() for call in machine.calls] == [
        "docker compose config --quiet",
        "docker compose up --detach --wait",
        "docker compose ps",
    ]
    assert "http://127.0.0.1:3001/" in told.stdout


@pytest.mark.parametrize("fail_on", ["", "monitoring backup"])
def test_backup__opens_prometheus_only_as_long_as_it_lasts(fail_on: str, machine: Machine) -> None:
    told = machine.run("backup-monitoring.sh", "--keep", "7", fail_on=fail_on)

    assert (told.returncode == 0) == (not fail_on)
    assert machine.calls[1] == "docker compose up --detach --no-deps --wait prometheus"
    assert machine.calls[2].startswith(
        "docker compose run --rm --no-deps ops python manage.py monitoring backup --to /backups"
    )
    assert machine.calls[2].endswith("--keep 7")
    assert machine.calls[3:] == ["docker compose up --detach --no-deps prometheus"]


def verbs(machine: Machine) -> list[str]:
    """The calls of compose, shortened to what matters."""
    found = []
    for call in machine.calls:
        words = call.removeprefix("docker compose ").split()
        flags = [word for word in words if word in {"--check", "--force", "--drill"}]
        found.append(" ".join([words[0], *flags]) if words[0] in {"run", "up", "stop"} else words[0])
    return found


def test_restore__checks_first_then_stops_who_writes_and_asks_the_invariants_at_the_end(machine: Machine) -> None:
    assert machine.run("restore-monitoring.sh", "20261121T120000Z", "--force").returncode == 0

    assert verbs(machine) == ["build", "run --check", "stop", "run --force", "up", "exec"]
    assert "restore /backups/20261121T120000Z" in machine.calls[3]
    stopped = set(machine.calls[2].split()[3:])
    assert stopped == {"nginx", "prometheus", "alertmanager", *SITE}
    assert machine.calls[-1].endswith("manage.py reconcile")


def test_broken_backup__stops_nothing(machine: Machine) -> None:
    assert machine.run("restore-monitoring.sh", "latest", "--force", fail_on="--check").returncode == 1

    assert verbs(machine) == ["build", "run --check"]


def test_restore_that_fails__starts_nothing(machine: Machine) -> None:
    told = machine.run("restore-monitoring.sh", "latest", "--force", fail_on="--force")

    assert told.returncode == 1
    assert "Nothing was started again" in told.stderr
    assert verbs(machine) == ["build", "run --check", "stop", "run --force"]


def test_drill__touches_nothing_that_runs(machine: Machine) -> None:
    assert machine.run("restore-monitoring.sh", "latest", "--drill").returncode == 0

    assert verbs(machine) == ["build", "run --drill"]


def test_rollback__goes_to_the_image_before_and_keeps_the_rest_of_the_settings(machine: Machine) -> None:
    told = machine.run("rollback.sh", "too many errors")

    assert told.returncode == 0, told.stderr
    assert (machine.root / ".env").read_text() == ENV.replace("SITE_VERSION=1.3.0\n", "") + "SITE_VERSION=1.2.9\n"
    assert machine.calls[-1].startswith("docker compose up --detach --no-build --no-deps --wait")
    (line,) = (machine.root / "rollbacks.log").read_text().splitlines()
    assert line.endswith("someone 1.2.9: too many errors")


def test_rollback_to_an_image_that_is_not_there__changes_nothing(machine: Machine) -> None:
    told = machine.run("rollback.sh", "why", "0.9")

    assert told.returncode == 1
    assert "There is no image coupon-site:0.9 here" in told.stderr
    assert (machine.root / ".env").read_text() == ENV
    assert not any("up" in call.split() for call in machine.calls)
    assert not (machine.root / "rollbacks.log").exists()


def test_rollback_in_a_cluster__undoes_every_deployment_and_waits_for_each(machine: Machine) -> None:
    assert machine.run("rollback.sh", "why", "7", where="kubernetes").returncode == 0

    prefix = "kubectl --namespace coupon-site rollout"
    assert machine.calls[:6] == [f"{prefix} undo deployment/{name} --to-revision=7" for name in SITE]
    assert machine.calls[6:] == [f"{prefix} status deployment/{name} --timeout=300s" for name in SITE]
