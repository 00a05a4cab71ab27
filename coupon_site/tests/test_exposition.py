"""The fast exposition against the library's own, byte for byte."""

import random

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Summary, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.registry import Collector

from coupon_site.exposition import Page, exposition

UGLY = ('plain "quoted"', "back\\slash", "new\nline", "sep\u2028arator", "two  spaces ", "")
VALUES = (0, 1, 0.1, 1e-7, 999_999.5, 1e6, 123_456_789, 1e21, float("inf"), float("nan"))


class Computed(Collector):
    """Samples made for each scrape, as the state exporter's are."""

    def collect(self):
        family = GaugeMetricFamily("computed", "Made anew", labels=["which"])
        family.add_metric(["one"], 7)
        yield family


@pytest.fixture
def registry() -> CollectorRegistry:
    """Every kind of metric, with and without labels, help that has to be escaped."""
    registry = CollectorRegistry()
    Counter("plain_total", 'Help with "quotes", a \\ and a\nnew line', registry=registry)
    Counter("counted_total", "Counted", ["zebra", "apple"], registry=registry)
    Gauge("level", "A level", ["which"], registry=registry)
    Gauge("asked", "Asks a function", registry=registry).set_function(lambda: 42)
    Summary("summed", "Summed up", ["which"], registry=registry)
    Histogram("timed_seconds", "Timed", ["which"], buckets=(0.1, 1, 1000, 1e7), registry=registry)
    Histogram("lonely_seconds", "Without labels", registry=registry)
    registry.register(Computed())
    return registry


def metric(registry: CollectorRegistry, name: str):
    return registry._names_to_collectors[name]


def live(registry: CollectorRegistry, chance: random.Random) -> None:
    """Something happens to one of the series."""
    which, value = chance.choice(UGLY), chance.choice(VALUES)
    exemplar = {"request_id": chance.choice(UGLY)} if chance.random() < 0.5 else None
    match chance.randrange(6):
        case 0:
            metric(registry, "plain_total").inc(1, exemplar)
        case 1:
            metric(registry, "counted_total").labels(which, chance.choice(UGLY)).inc(2.5, exemplar)
        case 2:
            metric(registry, "level").labels(which).set(chance.choice((1, -1)) * value)
        case 3:
            metric(registry, "summed").labels(which).observe(value)
        case 4:
            metric(registry, "timed_seconds").labels(which).observe(value, exemplar)
        case 5:
            metric(registry, "lonely_seconds").observe(value, exemplar)


@pytest.mark.parametrize("seed", range(5))
def test_whatever_happens__both_formats_are_the_library_s_own(registry: CollectorRegistry, seed: int) -> None:
    chance = random.Random(seed)
    text, openmetrics = Page(registry, is_open=False), Page(registry, is_open=True)

    for _ in range(60):
        for _ in range(chance.randrange(4)):
            live(registry, chance)
        assert text.render() == generate_latest(registry)
        assert openmetrics.render() == generate_openmetrics(registry)


def test_removed_and_new_children__are_shown_as_they_are_now(registry: CollectorRegistry) -> None:
    level, page = metric(registry, "level"), Page(registry, is_open=False)
    level.labels("old").set(1)
    page.render()

    level.clear()
    level.labels("old").set(2)
    level.labels("new").set(3)
    registry.unregister(metric(registry, "summed"))

    assert page.render() == generate_latest(registry)


def test_page_at_rest__asks_no_child_for_its_lines_again(
    registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = Page(registry, is_open=True)
    metric(registry, "timed_seconds").labels("one").observe(3)
    first = page.render()

    monkeypatch.setattr("coupon_site.exposition.Child.lines", None)

    assert page.render() == first


@pytest.mark.parametrize(
    ("accept", "content_type", "end"),
    [
        (
            "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.4",
            "application/openmetrics-text;",
            b"# EOF\n",
        ),
        ("text/plain;version=0.0.4", "text/plain; version=0.0.4", b"\n"),
        ("", "text/plain; version=0.0.4", b"\n"),
    ],
)
def test_scraper__chooses_the_format(accept: str, content_type: str, end: bytes) -> None:
    body, answered = exposition(accept)

    assert answered.startswith(content_type)
    assert body.endswith(end)
    assert (b"# EOF" in body) == ("openmetrics" in accept)
    assert b"process_resident_memory_bytes" in body
