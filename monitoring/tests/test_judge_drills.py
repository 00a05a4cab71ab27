"""What a drill accepts, and what it does not."""

from dataclasses import replace

import pytest

from monitoring.catalogue.alerts import ALERTS
from monitoring.drills.drill import DRILLS, Drill, Receiver
from monitoring.drills.expectation import GRACE, Expectation
from monitoring.drills.rehearsal import Result, is_for, judge
from monitoring.drills.table import table
from monitoring.receivers import Notice

REDIS = next(drill for drill in DRILLS if drill.name == "redis")
SAID = "🚨 [FIRING] RedisDown (redis)\n*Redis does not answer*\nThe exporter 127.0.0.1:9121 cannot reach Redis."


def notice(**fields: object) -> Notice:
    return Notice(
        **{
            "kind": "discord",
            "channel": "1",
            "title": SAID.split("\n", maxsplit=1)[0],
            "text": SAID,
            "body": {},
            "at": 100.0,
        }
        | fields
    )


@pytest.fixture
def result() -> Result:
    return Result(REDIS, fired={Receiver("discord"): 9.0}, resolved={Receiver("discord"): 12.0}, texts=[SAID])


@pytest.fixture
def expected() -> Expectation:
    return Expectation.of("RedisDown", speed=20)


@pytest.mark.parametrize("drill", DRILLS, ids=lambda drill: drill.name)
def test_alert_of_a_drill__is_one_of_the_rules_and_goes_where_its_severity_does(drill: Drill) -> None:
    (severity, category), *_ = {(rule.severity, rule.category) for rule in ALERTS if rule.name == drill.alert} - {
        ("critical", "delivery")
    }

    kinds = {receiver.kind for receiver in drill.receivers}

    assert kinds == ({"slack", "discord", "email"} if severity == "critical" else {"slack", "email"})
    assert (Receiver("slack", "#payments-alerts") in drill.receivers) == (category == "payments")


def test_as_the_rule_has_it__nothing_is_wrong(result: Result, expected: Expectation) -> None:
    judge(result, expected)

    assert result.problems == []
    assert (expected.earliest, expected.latest - GRACE) == (6.0, (30 + 15 + 120 + 30) / 20)


@pytest.mark.parametrize("seconds", [5.0, 60.0])
def test_too_early_or_too_late__is_said(result: Result, expected: Expectation, seconds: float) -> None:
    result.fired[Receiver("discord")] = seconds

    judge(result, expected)

    assert result.problems == [f"discord heard after {seconds:.1f} s instead of 6 to 55 s"]


@pytest.mark.parametrize("lost", ["Redis does not answer", "127.0.0.1:9121 cannot reach Redis."])
def test_words_that_are_not_the_rules__are_said(result: Result, expected: Expectation, lost: str) -> None:
    result.texts.append(SAID.replace(lost, ""))

    judge(result, expected)

    assert len(result.problems) == 1


def test_notice__counts_for_its_receiver_alert_state_and_time_alone() -> None:
    wanted = {"receiver": Receiver("discord"), "alert": "RedisDown", "state": "FIRING", "since": 99.0}

    assert is_for(notice(), **wanted)
    assert is_for(notice(title="[FIRING:2] RedisDown"), **wanted)
    for other in (
        notice(kind="slack"),
        notice(at=98.0),
        notice(title="✅ [RESOLVED] RedisDown (redis)"),
        notice(title="🚨 [FIRING] RedisDownAgain (redis)"),
    ):
        assert not is_for(other, **wanted)
    assert not is_for(notice(kind="slack", channel="#a"), **wanted | {"receiver": Receiver("slack", "#b")})


def test_table__shows_each_fault_and_below_it_what_is_wrong(result: Result) -> None:
    failed = replace(result, fired={}, resolved={}, texts=[], problems=["nobody heard"])

    shown = table([result, failed]).splitlines()

    assert shown[0].split()[:2] == ["fault", "alert"]
    assert "RedisDown  Discord 9.0" in shown[1]
    assert "12.0 s" in shown[1]
    assert shown[1].endswith("Redis does not answer The exporter 127.0.0.1:9121 cannot reach Redis.")
    assert shown[3] == "! Redis stopped: nobody heard"


def test_warning__is_silenced_by_what_is_critical_of_its_service_and_a_critical_one_is_not() -> None:
    scans, redis = Expectation.of("HighScanLatency", speed=1), Expectation.of("RedisDown", speed=1)

    assert 'severity="critical",service=~"web"' in scans.disturbance
    assert 'severity="critical",service=~"web"}[30s]' in scans.disturbance_since(100.0, now=130.0)
    assert redis.disturbance == 'ALERTS{alertname="RedisDown"}'
    assert redis.disturbance_since(100.0, now=130.0) == "vector(0) > 0"
