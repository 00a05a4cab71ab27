from pathlib import Path
from typing import Any

import msgspec
import pytest

from coupon_site.health import Report
from flags import is_enabled
from flags.bootstrap import Export
from flags.checks import bootstrap_can_be_read
from flags.current import ask_flags, current
from flags.definition import Constraint, Definition, Operator, Rule, SegmentDefinition
from flags.document import Document
from flags.tests.conftest import DEAD_REDIS

STAFF = SegmentDefinition(key="staff", constraints=(Constraint(field="userId", operator=Operator.IN, values=("ann",)),))
EXPORT = Export(
    flags=(
        Definition(key="shop.open", enabled=True, description="kept out of answers"),
        Definition(key="shop.beta", enabled=True, rules=(Rule(id="staff", segments=("staff",)),)),
    ),
    segments=(STAFF,),
)


@pytest.fixture
def file(tmp_path: Path, settings: Any) -> Path:
    """These tests may touch no database: an access raises."""
    settings.REDIS_URL = DEAD_REDIS
    settings.FLAGS_BOOTSTRAP = str(tmp_path / "flags.json")
    path = tmp_path / "flags.json"
    path.write_bytes(msgspec.json.encode(EXPORT))
    return path


def test_redis_and_database_away_at_start__the_file_answers_rules_and_segments_too(file: Path) -> None:
    assert is_enabled("shop.open")
    assert is_enabled("shop.beta", context={"userId": "ann"})
    assert not is_enabled("shop.beta", context={"userId": "bob"})
    assert bootstrap_can_be_read(None) == []


def test_first_flags_of_a_source__replace_the_file(file: Path) -> None:
    is_enabled("shop.open")

    current.install(Document(0, {}))

    assert not is_enabled("shop.open")
    assert ask_flags() == "ok"


@pytest.mark.parametrize("content", [None, b"", b"{}", b'{"flags": [{"key": 7}]}', b"\xff"])
def test_file_that_cannot_be_read__is_said_before_the_start_and_harms_no_check(
    file: Path, content: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    file.unlink() if content is None else file.write_bytes(content)

    assert is_enabled("shop.open", default=True) is True

    assert "bootstrap file" in caplog.text
    assert [each.id for each in bootstrap_can_be_read(None)] == ["flags.E001"]
    assert ask_flags().endswith("declared defaults answer")


@pytest.mark.parametrize(
    ("checks", "status"),
    [
        ({"redis": "ok", "flags": "ok"}, "ok"),
        ({"redis": "ok", "flags": "degraded: no flags"}, "degraded"),
        ({"redis": "ConnectionError", "flags": "degraded: no flags"}, "unavailable"),
    ],
)
def test_readiness__tells_what_is_degraded_from_what_is_missing(checks: dict[str, str], status: str) -> None:
    report = Report(checks)

    assert report.as_dict()["status"] == status
    assert report.ok is (status == "ok")
