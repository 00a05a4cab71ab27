"""What the rules promise of an alert: when it comes, what it says, when it is over."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from monitoring.catalogue.alerts import ALERTS
from monitoring.catalogue.alerts.alert import Alert
from monitoring.stack.durations import seconds

# From the fault to the figure, and from the alert to its notice and to its end, at ordinary speed.
SCRAPE, EVALUATION, GROUP_WAIT, GROUP_INTERVAL = (seconds(each) for each in ("30s", "15s", "30s", "5m"))
GRACE, GRACE_TO_RECOVER = 45.0, 120.0  # of a busy machine, which is slow by itself
RANGE = re.compile(r"\[(\w+)[\]:]")
BLANK = re.compile(r"\{\{.*?\}\}")


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """Of the rules of one name, at a speed."""

    rules: Sequence[Alert]
    speed: float

    @classmethod
    def of(cls, name: str, *, speed: float) -> "Expectation":
        return cls(rules=[rule for rule in ALERTS if rule.name == name], speed=speed)

    @property
    def earliest(self) -> float:
        """Seconds that the condition has to hold before anybody may hear of it."""
        return min(seconds(rule.for_) for rule in self.rules) / self.speed

    @property
    def latest(self) -> float:
        """Seconds from the fault to the last notice that it fires."""
        known = self.window + SCRAPE + EVALUATION
        return (known + max(seconds(rule.for_) for rule in self.rules) + GROUP_WAIT) / self.speed + GRACE

    @property
    def over(self) -> float:
        """Seconds from the end of the fault to the last notice of that."""
        kept = max(seconds(rule.keep_firing_for or "0s") for rule in self.rules)
        return (self.window + SCRAPE + EVALUATION + kept + GROUP_INTERVAL) / self.speed + GRACE_TO_RECOVER

    @property
    def silencers(self) -> list[str]:
        """Matchers of whatever may silence the alert, as Alertmanager inhibits."""
        away = 'alertstate="firing",alertname=~"RedisDown|DatabaseConnectionIssues|ServiceDown"'
        services = "|".join({rule.service for rule in self.rules})
        worse = f'alertstate="firing",severity="critical",service=~"{services}"'
        return [away, worse] if self.is_warning else []

    @property
    def disturbance(self) -> str:
        """In PromQL, what has to be over before: the alert itself, and what may silence it."""
        return " or ".join(
            f"ALERTS{{{matchers}}}" for matchers in [f'alertname="{self.rules[0].name}"', *self.silencers]
        )

    def disturbance_since(self, moment: float, *, now: float) -> str:
        """In PromQL, what has silenced it at some time since a moment."""
        ago = f"{max(1, round(now - moment))}s"
        return (
            " or ".join(f"max_over_time(ALERTS{{{matchers}}}[{ago}])" for matchers in self.silencers) or "vector(0) > 0"
        )

    @property
    def is_warning(self) -> bool:
        return any(rule.severity == "warning" for rule in self.rules)

    @property
    def window(self) -> float:
        """The longest time that an expression looks back."""
        return max([seconds(found) for rule in self.rules for found in RANGE.findall(rule.expr)], default=0.0)

    def is_said_in(self, text: str) -> bool:
        """Whether a notice holds a rule's summary and its description, with a figure for every blank."""
        return any(rule.summary in text and description_of(rule).search(text) for rule in self.rules)


def description_of(rule: Alert) -> re.Pattern[str]:
    return re.compile("(?:.|\n)*?".join(re.escape(part) for part in BLANK.split(rule.description)))
