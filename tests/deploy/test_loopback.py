import copy
from pathlib import Path

import pytest

from tests.deploy.files import DEPLOY, read_yaml
from tests.deploy.loopback import adapted, prometheus_on_loopback

CONFIG = read_yaml(DEPLOY / "prometheus" / "prometheus.yml")
TOKEN = Path("/somewhere/token")


def test_targets_of_two_jobs__only_these_are_scraped() -> None:
    targets = {"app-web": ["127.0.0.1:1"], "app-state": ["127.0.0.1:2", "127.0.0.1:3"]}

    config = prometheus_on_loopback(CONFIG, targets=targets, token_file=TOKEN)

    assert {job["job_name"]: job["static_configs"] for job in config["scrape_configs"]} == {
        "app-web": [{"targets": ["127.0.0.1:1"]}],
        "app-state": [{"targets": ["127.0.0.1:2", "127.0.0.1:3"]}],
    }
    assert not any("dns_sd_configs" in job for job in config["scrape_configs"])
    assert "alerting" not in config


def test_job_with_a_token__reads_the_given_file_and_keeps_the_rest() -> None:
    config = prometheus_on_loopback(CONFIG, targets={"app-web": ["127.0.0.1:1"]}, token_file=TOKEN)

    (job,) = config["scrape_configs"]
    (deployed,) = [job for job in CONFIG["scrape_configs"] if job["job_name"] == "app-web"]
    assert job["authorization"] == {"type": "Bearer", "credentials_file": str(TOKEN)}
    assert {key: job[key] for key in ("sample_limit", "label_value_length_limit", "metric_relabel_configs")} == {
        key: deployed[key] for key in ("sample_limit", "label_value_length_limit", "metric_relabel_configs")
    }


def test_adapting__leaves_the_original_alone() -> None:
    before = copy.deepcopy(CONFIG)

    prometheus_on_loopback(CONFIG, targets={"app-web": ["127.0.0.1:1"]}, token_file=TOKEN)

    assert before == CONFIG


def test_nginx_configuration_without_the_known_places__is_refused() -> None:
    with pytest.raises(ValueError, match="listen 9999"):
        adapted("nginx.conf", ("listen 9999;", ""))
