"""Rules in which time runs faster say the same about shorter times."""

from pathlib import Path

import pytest

from monitoring.stack.configuration import Place, faster_rules, on_this_machine
from monitoring.stack.durations import divided, faster, milliseconds, written
from monitoring.stack.notification import in_time


@pytest.mark.parametrize(
    ("duration", "faster_twenty_times"),
    [("5m", "15s"), ("1m", "3s"), ("15s", "750ms"), ("1h30m", "270s"), ("30d", "36h"), ("0m", "0s"), ("12h", "36m")],
)
def test_duration__is_divided(duration: str, faster_twenty_times: str) -> None:
    assert milliseconds(divided(duration, 20)) == milliseconds(faster_twenty_times)


@pytest.mark.parametrize("duration", ["", "5", "m", "5 m", "1.5h", "5min"])
def test_anything_else__is_no_duration(duration: str) -> None:
    with pytest.raises(ValueError, match="is no duration"):
        milliseconds(duration)


@pytest.mark.parametrize("number", [0, 1, 1500, 60_000, 90_000, 7_200_000])
def test_written__can_be_read_again(number: int) -> None:
    assert milliseconds(written(number)) == number


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("sum(rate(a_total[5m])) / 5 > 10", "sum(rate(a_total[15s])) / 5 > 10"),
        ("max_over_time(a[1h:1m] offset 1d)", "max_over_time(a[3m:3s] offset 72m)"),
        ('a{path=~"/x[5m]/.+", le="5m"} > 1', 'a{path=~"/x[5m]/.+", le="5m"} > 1'),
        ('a{b="\\"[5m]"}[10m]', 'a{b="\\"[5m]"}[30s]'),
        ("slo:good:increase5m[5m] offset -5m", "slo:good:increase5m[15s] offset -15s"),
        ("time() - a_seconds > 300", "time() - a_seconds > 300"),
    ],
)
def test_expression__has_shorter_ranges_and_nothing_else(expression: str, expected: str) -> None:
    assert faster(expression, 20) == expected


def test_rules__keep_names_labels_and_order() -> None:
    rule = {"alert": "A", "expr": "rate(a[5m]) > 0", "for": "2m", "keep_firing_for": "5m", "labels": {"for": "2m"}}
    rules = {"groups": [{"name": "g", "interval": "30s", "rules": [rule, {"record": "r5m", "expr": 1}]}]}

    (group,) = faster_rules(rules, 20)["groups"]

    assert group["interval"] == "3s"
    assert group["rules"] == [
        {**rule, "expr": "rate(a[15s]) > 0", "for": "6s", "keep_firing_for": "15s"},
        {"record": "r5m", "expr": "1"},
    ]
    assert faster_rules(rules, 1) == rules


def test_routes__repeat_sooner() -> None:
    route = {"receiver": "a", "group_wait": "30s", "routes": [{"repeat_interval": "4h", "matchers": ['a="4h"']}]}

    assert in_time({"route": route}, 20) == {
        "route": {
            "receiver": "a",
            "group_wait": "1500ms",
            "routes": [{"repeat_interval": "12m", "matchers": ['a="4h"']}],
        }
    }


def test_scrapes__are_never_close_and_never_longer_than_what_lies_between(tmp_path: Path) -> None:
    place = Place(folder=tmp_path, target_folders=[tmp_path], jobs={"app-web", "node"}, speed=20)
    config = {
        "global": {"scrape_interval": "15s", "scrape_timeout": "10s", "evaluation_interval": "15s"},
        "scrape_configs": [
            {"job_name": "app-web", "scrape_interval": "5s", "scrape_timeout": "4s", "dns_sd_configs": []},
            {
                "job_name": "node",
                "scrape_interval": "30s",
                "static_configs": [{"targets": ["node:9100"], "labels": {"service": "host"}}],
            },
            {"job_name": "nginx", "static_configs": [{"targets": ["nginx:9113"]}]},
        ],
    }

    adapted = on_this_machine(config, place)

    assert adapted["global"] == {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    web, node = adapted["scrape_configs"]
    assert (web["scrape_interval"], web["scrape_timeout"]) == ("1s", "1s")
    assert (node["scrape_interval"], node["scrape_timeout"]) == ("3s", "3s")
    assert node["file_sd_configs"][0]["files"] == [f"{tmp_path}/node.json"]
    assert node["relabel_configs"] == [{"target_label": "service", "replacement": "host"}]
    assert not {"dns_sd_configs", "static_configs"} & {*web, *node}
