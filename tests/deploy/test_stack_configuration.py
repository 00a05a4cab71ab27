"""What servers on this machine are told: the deployed configuration, at any speed."""

import secrets
import subprocess
from pathlib import Path

import pytest

from monitoring import receivers
from monitoring.stack.configuration import Place, read, write_prometheus
from monitoring.stack.notification import write_alertmanager
from tests.binaries import require_binary
from tests.deploy.files import DEPLOY, read_yaml

TOKEN = secrets.token_hex()
JOBS = {job["job_name"] for job in read_yaml(DEPLOY / "prometheus" / "prometheus.yml")["scrape_configs"]}


@pytest.fixture(params=[1, 20])
def prometheus(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    place = Place(folder=tmp_path, target_folders=[tmp_path / "targets"], jobs=JOBS, speed=request.param)
    return write_prometheus(place, token=TOKEN)


def test_prometheus__takes_it_with_every_rule_that_is_deployed(prometheus: Path) -> None:
    checked = subprocess.run(
        [require_binary("promtool"), "check", "config", prometheus], capture_output=True, text=True, check=False
    )

    assert checked.returncode == 0, checked.stdout + checked.stderr
    deployed = sorted(file.name for file in (DEPLOY / "prometheus" / "rules").glob("*.yml"))
    assert sorted(file.name for file in (prometheus.parent / "rules").iterdir()) == deployed
    for name in deployed:
        assert names_in(prometheus.parent / "rules" / name) == names_in(DEPLOY / "prometheus" / "rules" / name)


def names_in(file: Path) -> list[str]:
    return [rule.get("alert") or rule["record"] for group in read(file)["groups"] for rule in group["rules"]]


def test_token__lies_in_a_file_that_only_its_owner_reads(prometheus: Path) -> None:
    (web,) = [job for job in read(prometheus)["scrape_configs"] if job["job_name"] == "app-web"]
    file = Path(web["authorization"]["credentials_file"])

    assert file.read_text() == TOKEN
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("speed", [1, 20])
def test_alertmanager__takes_it(tmp_path: Path, speed: int) -> None:
    with receivers.running() as stand_ins:
        file = write_alertmanager(tmp_path, settings=stand_ins.settings, speed=speed)

    checked = subprocess.run(
        [require_binary("amtool"), "check-config", file], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert read(file)["route"]["group_interval"] == {1: "5m", 20: "15s"}[speed]
