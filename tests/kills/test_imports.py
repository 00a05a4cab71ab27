"""Killed in the middle of a file."""

from functools import partial
from pathlib import Path

import pytest
from django.utils import timezone

from accounts.models import User
from cashback.models import ImportJob, ImportState, Network
from cashback.services import (
    imports,
)
from cashback.services.imports import applying, staging
from cashback.tests.factories import balances, line, worth, write_file
from tests.crowd import KILLED, Crowd
from tests.kills.afterwards import broken, come_to_rest
from tests.kills.stages import Stage, work

pytestmark = pytest.mark.django_db(transaction=True)

LINES = [
    line("536365", "A", 6, "2.55"),
    line("536365", "B", 2, "3.39"),
    line("536366", "A", 1, "10.0", at="2010-12-02 09:00:00"),
    line("C536401", "B", -1, "3.39", at="2010-12-03 10:00:00"),
    line("536367", "C", 10, "1.11", "13047.0"),
    line("536369", price="0.0"),
]


def small_steps() -> None:
    """Chunks so small that a few lines make many."""
    staging.CHUNK_LINES = 2
    applying.BATCH_INVOICES = 1


@pytest.mark.parametrize(
    "stage",
    [
        pytest.param(Stage("cashback.services.imports.staging:advance", "after"), id="in-a-chunk"),
        pytest.param(Stage("cashback.services.imports.staging:stage_chunk", "after"), id="after-a-chunk"),
        pytest.param(Stage("cashback.services.imports.staging:finish_staging", "after"), id="all-staged"),
        pytest.param(Stage("cashback.services.imports.applying:reward", "after"), id="in-a-batch"),
        pytest.param(Stage("cashback.services.imports.applying:apply_batch", "after"), id="after-a-batch"),
        pytest.param(Stage("cashback.services.imports.running:finish", "before"), id="all-applied"),
        pytest.param(Stage("cashback.services.imports.running:finish", "after"), id="done"),
    ],
)
def test_importer_killed__the_ledger_is_that_of_one_import(
    crowd: Crowd, operator: User, tmp_path: Path, stage: Stage
) -> None:
    network = Network.objects.get(slug="online-retail")
    file = imports.LocalFile(write_file(tmp_path, LINES))
    uploaded = imports.receive_upload(network=network, filename="day.csv", file=file, actor=operator).job
    come_to_rest()
    uploaded.refresh_from_db()
    imports.start_import(job=uploaded, actor=operator, at=timezone.now())

    killed = crowd.at_once(partial(work, stage=stage, topics=("imports",)), unguard=small_steps)

    assert killed == [KILLED]
    come_to_rest()
    job = ImportJob.objects.get()
    assert (job.state, job.lines, job.rejected) == (ImportState.DONE_WITH_ERRORS, 6, 1)
    assert worth(network) == {"536365": (110, 17), "536366": (50, 0), "536367": (56, 0)}
    assert balances() == {"17850": (143, 0), "13047": (56, 0)}
    assert broken() == {}
