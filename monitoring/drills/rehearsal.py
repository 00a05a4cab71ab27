"""One drill after another, each from calm to calm."""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from monitoring import receivers, stack
from monitoring.drills.drill import Drill, Receiver
from monitoring.drills.expectation import Expectation
from monitoring.drills.site import DrillError, DrillSite, wait_until
from monitoring.receivers import Notice, Receivers
from monitoring.remote import RemoteError
from monitoring.stack.targets import addresses_in

CALM_SECONDS, RECOVER_SECONDS = 120.0, 60.0
FIRING, RESOLVED = "FIRING", "RESOLVED"
Say = Callable[[str], object]


@dataclass
class Result:
    """How a drill went: seconds from the fault, and from its end, to each receiver; what they read; what was wrong."""

    drill: Drill
    fired: dict[Receiver, float] = field(default_factory=dict)
    resolved: dict[Receiver, float] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def heard(self, state: str) -> dict[Receiver, float]:
        return {FIRING: self.fired, RESOLVED: self.resolved}[state]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """The site, what watches it, and who is told."""

    site: DrillSite
    servers: stack.Servers
    stand_ins: Receivers
    speed: float

    def figure(self, expression: str) -> float:
        """A figure of Prometheus; 0 when there is none, or nobody to ask."""
        try:
            return self.servers.prometheus.value(expression) or 0.0
        except RemoteError:
            return 0.0

    def orders(self) -> float:
        return self.figure("sum(orders_created_total)")

    def is_watched(self) -> bool:
        """Whether every process and every server answers Prometheus."""
        there = {target["labels"]["instance"]: target["health"] for target in self.servers.prometheus.targets()}
        wanted = addresses_in(self.site.targets) | addresses_in(self.servers.targets)
        return there.keys() == wanted and {*there.values()} == {"up"}

    def is_calm(self, expected: Expectation) -> bool:
        """Whether the site is well, and neither the alert is on nor anything that would silence it."""
        return self.site.is_ready() and self.figure(f"count({expected.disturbance})") == 0


def rehearse_all(folder: Path, drills: Sequence[Drill], *, speed: float, say: Say) -> list[Result]:
    """Every drill on one site. Raises DrillError, StackError."""
    with stage(folder, speed=speed) as here:
        wait_until(here.is_watched, "every target to answer", CALM_SECONDS)
        wait_until(lambda: here.figure('sum(http_requests_total{path="/api/scan"})'), "scans", CALM_SECONDS)
        say("The site is up, all targets answer, shoppers buy.")
        results = []
        for drill in drills:
            results.append(rehearse_undisturbed(drill, here))
            say(f"{drill.fault}: {'; '.join(results[-1].problems) or 'as expected'}")
    return results


@contextmanager
def stage(folder: Path, *, speed: float) -> Iterator[Stage]:
    site = DrillSite(folder)
    with (
        site.running(),
        receivers.running(log=folder / "notices.jsonl") as stand_ins,
        stack.running(
            folder / "monitoring",
            targets=site.targets,
            metrics_token=site.metrics_token,
            database_url=site.servers.database_url,
            redis_url=site.servers.redis_url,
            receivers=stand_ins.settings,
            speed=speed,
        ) as servers,
    ):
        yield Stage(site=site, servers=servers, stand_ins=stand_ins, speed=speed)


def rehearse_undisturbed(drill: Drill, here: Stage) -> Result:
    """Once more where something else, on a busy machine, has silenced the alert: such a drill says nothing."""
    begun, expected = time.time(), Expectation.of(drill.alert, speed=here.speed)
    result = rehearse(drill, here)
    if result.problems and here.figure(f"count({expected.disturbance_since(begun, now=time.time())})"):
        return rehearse(drill, here)
    return result


def rehearse(drill: Drill, here: Stage) -> Result:
    """Break it, hear of it, mend it, hear of that."""
    result, expected = Result(drill), Expectation.of(drill.alert, speed=here.speed)
    try:
        wait_until(lambda: here.is_calm(expected), "calm before the fault", CALM_SECONDS)
        begun = time.time()
        try:
            drill.cause(here.site)
            await_notices(here, result, FIRING, since=begun, seconds=expected.latest)
        finally:
            drill.cure(here.site)
        ended, orders = time.time(), here.orders()
        await_notices(here, result, RESOLVED, since=ended, seconds=expected.over)
        wait_until(lambda: here.site.is_ready() and here.orders() > orders, "orders to go on", RECOVER_SECONDS)
    except DrillError as error:
        result.problems.append(str(error))
    judge(result, expected)
    return result


def await_notices(here: Stage, result: Result, state: str, *, since: float, seconds: float) -> None:
    """Note after how many seconds each receiver was told."""
    deadline, alert = time.time() + seconds, result.drill.alert
    for receiver in result.drill.receivers:
        tells = partial(is_for, receiver=receiver, alert=alert, state=state, since=since)
        try:
            notice = here.stand_ins.wait_for(tells, seconds=max(0.0, deadline - time.time()))
        except TimeoutError:
            heard = {each.title for each in here.stand_ins.of(receiver.kind) if each.at >= since}
            instead = f"only {', '.join(sorted(heard))}" if heard else "nothing"
            result.problems.append(f"{receiver} was to hear {state} of {alert} in {seconds:.0f} s and heard {instead}")
        else:
            result.heard(state)[receiver] = notice.at - since
            result.texts.append(notice.text)


def is_for(notice: Notice, *, receiver: Receiver, alert: str, state: str, since: float) -> bool:
    """Whether a notice tells this receiver that the alert fires, or is over, since a moment."""
    is_told = notice.kind == receiver.kind and receiver.channel in {"", notice.channel}
    return is_told and notice.at >= since and bool(re.search(rf"\[{state}(:\d+)?\] {alert}\b", notice.title))


def judge(result: Result, expected: Expectation) -> None:
    """Whether it came neither too early nor too late, and said what the rule says."""
    for receiver, seconds in result.fired.items():
        if not expected.earliest <= seconds <= expected.latest:
            bounds = f"{expected.earliest:.0f} to {expected.latest:.0f} s"
            result.problems.append(f"{receiver} heard after {seconds:.1f} s instead of {bounds}")
    for text in result.texts:
        if not expected.is_said_in(text):
            result.problems.append(f"{result.drill.alert} is told otherwise than the rule has it: {text!r}")
