"""Back up while everything runs, lose everything, restore: the database and Prometheus are what they were."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest
import yaml

from monitoring.remote import Prometheus
from tests.binaries import require_binary
from tests.live import LiveSite, free_ports, wait_for

pytestmark = [pytest.mark.xdist_group("backup"), pytest.mark.slow]

SAMPLE = 'orders_created_total{job="app-web"}'


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveSite]:
    """A site that a test may destroy."""
    folder = tmp_path_factory.mktemp("backup")
    for parent in (folder, folder.parent):
        parent.chmod(0o755)
    site = LiveSite(folder)
    try:
        site.prepare()
        site.start("web", "worker")
        yield site
    finally:
        site.stop()


@contextmanager
def running_prometheus(site: LiveSite) -> Iterator[Prometheus]:
    """One over `<site>/prometheus`, that reads the site's web process."""
    folder = site.folder / "prometheus"
    (port,) = free_ports(1)
    token = site.folder / "token"
    token.write_text(site.metrics_token)
    job = {
        "job_name": "app-web",
        "authorization": {"credentials_file": str(token)},
        "static_configs": [{"targets": [f"127.0.0.1:{site.ports['web']}"]}],
    }
    config = site.folder / "prometheus.yml"
    config.write_text(
        yaml.safe_dump({"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": [job]})
    )
    command = [
        require_binary("prometheus"),
        f"--config.file={config}",
        f"--storage.tsdb.path={folder}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--web.enable-admin-api",
    ]
    with (
        (site.folder / "prometheus.log").open("a") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as process,
    ):
        try:
            server = Prometheus(f"http://127.0.0.1:{port}")
            wait_for(lambda: server.is_answering("/-/ready"), f"Prometheus, which logs to {log.name}")
            yield server
        finally:
            process.terminate()


def places(site: LiveSite, prometheus: str = "http://127.0.0.1:1") -> list[str]:
    """Options that say where the data lies."""
    return [
        f"--prometheus={prometheus}",
        f"--prometheus-data={site.folder / 'prometheus'}",
        f"--alertmanager-data={site.folder / 'alertmanager'}",
        f"--textfiles={site.folder / 'textfiles'}",
    ]


def buy(site: LiveSite) -> str:
    """An order, worked off to its vouchers."""
    with site.client() as client:
        sale = client.get("/api/v1/sales/").json()["results"][0]
        answer = client.post(
            "/api/v1/orders/",
            json={"lines": [{"sale": sale["id"], "quantity": 1}], "payment_method": "card"},
            headers={"Idempotency-Key": str(uuid4())},
        )
        order: str = answer.raise_for_status().json()["id"]
        wait_for(lambda: client.get(f"/api/v1/orders/{order}/").json()["state"] == "fulfilled", "the order's vouchers")
    return order


def orders_of(site: LiveSite) -> set[str]:
    return {str(number) for (number,) in site.sql("SELECT public_id FROM orders_order")}


def test_backup__brings_back_database_and_history_after_a_loss_of_both(site: LiveSite) -> None:
    order = buy(site)
    (site.folder / "alertmanager").mkdir()
    (site.folder / "alertmanager" / "silences").write_bytes(b"\x00silences")
    (site.folder / "media").mkdir(exist_ok=True)
    (site.folder / "media" / "file.csv").write_text("a,b\n")

    with running_prometheus(site) as server:
        wait_for(lambda: server.query(f"{SAMPLE} >= 1"), "the order to be counted")
        known = server.query(SAMPLE)
        said = site.manage("monitoring", "backup", f"--sample={SAMPLE}", *places(site, server.url)).stdout
        (backup,) = (site.folder / "backups").glob("2*")
        at = json.loads((backup / "MANIFEST.json").read_text())["parts"]["prometheus"]["sample"]["at"]
        assert not list((site.folder / "prometheus" / "snapshots").iterdir()), "a snapshot keeps old data on the disk"
        running = site.manage(
            "monitoring", "restore", str(backup), "--force", "--only=prometheus", *places(site, server.url), check=False
        )
        assert "Prometheus runs on" in running.stderr
    assert "database:" in said
    buy(site)
    site.kill("web")
    site.kill("worker")

    drill = site.manage("monitoring", "restore", "latest", "--drill", *places(site)).stdout
    assert "invariants hold" in drill
    assert "1 series of" in drill
    refused = site.manage("monitoring", "restore", "latest", *places(site), check=False)
    assert refused.returncode == 1
    assert "there is something already (database, uploads, prometheus, alertmanager)" in refused.stderr
    assert len(orders_of(site)) == 2

    site.sql("DROP SCHEMA public CASCADE")
    site.sql("CREATE SCHEMA public")
    for name in ("prometheus", "alertmanager", "media"):
        shutil.rmtree(site.folder / name)
    restored = site.manage("monitoring", "restore", "latest", *places(site)).stdout

    assert "every invariant holds" in restored
    assert orders_of(site) == {order}
    assert site.manage("reconcile").returncode == 0
    assert (site.folder / "alertmanager" / "silences").read_bytes() == b"\x00silences"
    assert (site.folder / "media" / "file.csv").read_text() == "a,b\n"
    with running_prometheus(site) as server:
        assert [each.value for each in server.query(SAMPLE, at=at)] == [known[0].value] == [1]
    metrics = "".join(path.read_text() for path in (site.folder / "textfiles").iterdir())
    assert 'backup_last_success_timestamp_seconds{what="database"}' in metrics
    assert "restore_drill_last_success_timestamp_seconds" in metrics

    site.start("web", "worker")
    buy(site)
