"""The example of long-term storage: valid, and what it keeps arrives at a second Prometheus."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitoring.remote import Prometheus
from monitoring.stack import programs
from tests.binaries import require_binary
from tests.deploy.files import DEPLOY, read_yaml
from tests.live import free_ports, wait_for

FOLDER = DEPLOY / "prometheus" / "remote-write"
TEST = """
rule_files: [long-term.yml]
tests:
  - interval: 1h
    input_series:
      - series: site:orders_created:increase1h
        values: 5x48
    promql_expr_test:
      - expr: site:orders_created:increase1d
        eval_time: 2d
        exp_samples: [{labels: 'site:orders_created:increase1d', value: 120}]
"""


def promtool(*words: str, folder: Path = FOLDER) -> None:
    checked = subprocess.run(
        [require_binary("promtool"), *words], cwd=folder, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_rules_of_years__are_valid_and_sum_up_a_day(tmp_path: Path) -> None:
    (tmp_path / "long-term.yml").write_text((FOLDER / "long-term.yml").read_text())
    (tmp_path / "test.yml").write_text(TEST)

    promtool("check", "config", "--syntax-only", "receiver.yml")
    promtool("check", "rules", "--lint=all", "--lint-fatal", "long-term.yml")
    promtool("test", "rules", "test.yml", folder=tmp_path)


def test_sender__can_be_appended_to_the_deployed_configuration(tmp_path: Path) -> None:
    deployed = (DEPLOY / "prometheus" / "prometheus.yml").read_text()
    assert "remote_write" not in deployed
    (tmp_path / "prometheus.yml").write_text(deployed + (FOLDER / "sender.yml").read_text())

    promtool("check", "config", "--syntax-only", str(tmp_path / "prometheus.yml"))


def test_series_that_are_asked_of_years__are_recorded_and_let_through() -> None:
    asked = set(re.findall(r"\b(site:\w+:increase1h)\b", (FOLDER / "long-term.yml").read_text()))
    recorded = (DEPLOY / "prometheus" / "rules" / "recordings.yml").read_text()
    (kept,) = [each["regex"] for each in read_yaml(FOLDER / "sender.yml")["remote_write"][0]["write_relabel_configs"]]

    assert asked
    for name in asked:
        assert f"record: {name}\n" in recorded
        assert re.fullmatch(kept, name)


@contextmanager
def running(folder: Path, config: dict[str, Any], port: int, *words: str) -> Iterator[Prometheus]:
    folder.mkdir()
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    url = f"http://127.0.0.1:{port}"
    command = [
        require_binary("prometheus"),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        *words,
    ]
    with programs.running(command, log=folder / "log", ready_url=f"{url}/-/ready"):
        yield Prometheus(url)


@pytest.mark.xdist_group("live")
def test_what_is_kept__arrives_and_nothing_else(tmp_path: Path) -> None:
    here, there = free_ports(2)
    sender = read_yaml(FOLDER / "sender.yml")
    sender["remote_write"][0] |= {"url": f"http://127.0.0.1:{there}/api/v1/write"}
    sender["remote_write"][0].pop("basic_auth")
    sender["scrape_configs"] = [{"job_name": "prometheus", "static_configs": [{"targets": [f"127.0.0.1:{here}"]}]}]
    sender["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "external_labels": {"cluster": "coupon-site"}}
    receiver = read_yaml(FOLDER / "receiver.yml") | {"rule_files": [], "scrape_configs": []}

    with (
        running(tmp_path / "there", receiver, there, "--web.enable-remote-write-receiver") as far,
        running(tmp_path / "here", sender, here) as near,
    ):
        (arrived,) = wait_for(lambda: far.query("up"), "the first sample to arrive")
        wait_for(lambda: near.query("prometheus_remote_storage_samples_total > 0"), "the sender to count it")

        assert arrived.labels.items() >= {"job": "prometheus", "cluster": "coupon-site"}.items()
        wait_for(lambda: near.query("go_goroutines"), "a scrape that was in time")
        assert {each.labels["__name__"] for each in far.query('{job="prometheus"}')} == {"up"}
