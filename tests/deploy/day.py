"""A shopping day on a running site, watched as a deployed one is; and what goes wrong on other days."""

import asyncio
import getpass
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import redis
import websockets

from cashback.tests.factories import HEADER, line
from monitoring import receivers, stack
from monitoring.stack.programs import running
from tests.binaries import require_binary
from tests.deploy.certificate import trusting, write_certificate
from tests.deploy.loopback import nginx_on_loopback
from tests.live import LiveSite, free_ports, wait_for

SPEED = 20  # five minutes of every rule pass in 15 s
PROCESSES = {"app-worker": "worker", "app-import": "importer", "app-realtime": "relay", "app-state": "exporter"}
PORTS = ("nginx", "tls", "status", "nginx_exporter", "blackbox", "managers")
ORDERS_PER_SECOND, MINUTES = 3, 0.5
WEEK = 7 * 86400
LAST_WEEKS = 'http_requests_total{job="app-web",instance="web",path="/",status="200"}'
TOKEN_OF_STAFF = """
from accounts.models import User
from accounts.services import issue_token
print(issue_token(user=User.objects.get(email="operator@coupon-site.example"), name="day")[1])
"""


class Day:
    """A site and what watches it."""

    def __init__(self, site: LiveSite, folder: Path) -> None:
        self.site = site
        self.folder = folder
        self.began = time.time()
        self.noon = 0.0  # when everything was in full swing
        self.ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Start nginx, exporters, Prometheus, Alertmanager and the receivers of its notices."""
        with ExitStack() as everything:
            everything.enter_context(self.nginx())
            self.start_exporters(everything)
            self.write_last_week()
            stand_ins = everything.enter_context(receivers.running())
            self.servers = everything.enter_context(
                stack.running(
                    self.folder,
                    targets=self.targets(),
                    metrics_token=self.site.metrics_token,
                    database_url=self.site.servers.database_url,
                    redis_url=self.site.servers.redis_url,
                    receivers=stand_ins.settings,
                    speed=SPEED,
                    scrape_interval="1s",
                    ports={"alertmanager": self.ports["managers"]},
                )
            )
            self.prometheus = everything.enter_context(httpx.Client(base_url=self.servers.prometheus_url, timeout=30))
            self.find_blackbox()
            wait_for(self.all_up, "all targets to be up")
            yield

    @contextmanager
    def nginx(self) -> Iterator[None]:
        """The deployed one, in front of the site, with a certificate of its own."""
        web = self.site.ports["web"]
        write_certificate(self.folder)
        config = nginx_on_loopback(
            self.folder,
            port=self.ports["nginx"],
            status_port=self.ports["status"],
            tls_port=self.ports["tls"],
            web=[web],
            sockets=[web],
            user=getpass.getuser() if os.geteuid() == 0 else None,
        )
        command = [require_binary("nginx"), "-p", str(self.folder), "-c", str(config), "-g", "daemon off;"]
        ready = f"http://127.0.0.1:{self.ports['status']}/healthz"
        with running(command, log=self.folder / "nginx.log", ready_url=ready):
            yield

    def targets(self) -> dict[str, list[str]]:
        return {
            "app-web": [f"127.0.0.1:{self.site.metrics_port}"],
            **{job: [f"127.0.0.1:{self.site.ports[process]}"] for job, process in PROCESSES.items()},
            "nginx": [f"127.0.0.1:{self.ports['nginx_exporter']}"],
            "blackbox": [f"https://localhost:{self.ports['tls']}/api/v1/sales/"],
        }

    def start_exporters(self, everything: ExitStack) -> None:
        """Those that the stack of a laptop has no use for."""
        status = f"http://127.0.0.1:{self.ports['status']}/stub_status"
        asked = {
            "nginx": (["-nginx.scrape-uri", status], "nginx_exporter"),
            "blackbox": (["--config.file=deploy/exporters/blackbox.yml"], "blackbox"),
        }
        for name, (options, port) in asked.items():
            address = f"127.0.0.1:{self.ports[port]}"
            dash = "-" if name == "nginx" else "--"
            everything.enter_context(
                running(
                    [require_binary(f"prometheus-{name}-exporter"), *options, f"{dash}web.listen-address={address}"],
                    log=self.folder / f"{name}-exporter.log",
                    ready_url=f"http://{address}/metrics",
                    environment={"SSL_CERT_FILE": str(self.folder / "tls.crt")},
                )
            )

    def find_blackbox(self) -> None:
        """The job asks the exporter by its name in the compose network."""
        file = self.folder / "prometheus" / "prometheus.yml"
        file.write_text(file.read_text().replace("blackbox-exporter:9115", f"127.0.0.1:{self.ports['blackbox']}"))
        self.prometheus.post("/-/reload").raise_for_status()

    def all_up(self) -> bool:
        found = self.ask("targets", state="active")["activeTargets"]
        return len(found) == 12 and all(target["health"] == "up" for target in found)

    def write_last_week(self) -> None:
        """Ten requests a second, a week before now, as Prometheus keeps them."""
        first = int(self.began) - WEEK - 600
        samples = [f"{LAST_WEEKS} {number * 100} {first + number * 10}" for number in range(180)]
        text = self.folder / "last_week.txt"
        text.write_text("\n".join(["# TYPE http_requests counter", *samples, "# EOF", ""]))
        data = self.folder / "prometheus" / "data"
        data.mkdir(parents=True)
        command = [require_binary("promtool"), "tsdb", "create-blocks-from", "openmetrics", text, data]
        subprocess.run(command, check=True, capture_output=True)

    def pass_by(self) -> None:
        """Shoppers, followers of events, an import, visitors at the door."""
        asyncio.run(self.shop_and_follow())
        self.noon = time.time()

    async def shop_and_follow(self) -> None:
        async with AsyncExitStack() as sockets:
            await self.follow_events(sockets)
            shopping = asyncio.to_thread(
                self.site.manage, "simulate_traffic", f"--rate={ORDERS_PER_SECOND}", f"--minutes={MINUTES}"
            )
            others = [self.give, self.redeem, self.import_file, self.visit]
            await asyncio.gather(shopping, *(asyncio.to_thread(other) for other in others))

    async def follow_events(self, sockets: AsyncExitStack) -> None:
        """Three sockets; one of them goes at once."""
        address = f"{self.site.url.replace('http', 'ws')}/api/v1/realtime/ws"
        for _ in range(3):
            socket = await sockets.enter_async_context(
                websockets.connect(address, additional_headers=self.site.signature(1))
            )
        await socket.close()

    def give(self) -> None:
        """One shopper gives, another opens, and Prometheus has seen it."""
        with self.site.client(1) as giver, self.site.client(2) as receiver:
            sale = giver.get("/api/v1/sales/").json()["results"][0]["id"]
            gift = {"mode": "link", "theme": "birthday", "message": "For you!"}
            wish = {"lines": [{"sale": sale, "quantity": 1, "gift": gift}], "payment_method": "card"}
            post(giver, "/api/v1/orders/", wish)
            sent = wait_for(lambda: giver.get("/api/v1/gifts/?state=sent").json()["results"], "the gift to be sent")
            link = post(giver, f"/api/v1/gifts/{sent[0]['id']}/link", {})["link"]
            post(receiver, "/api/v1/gifts/claims/", {"token": link})
        wait_for(lambda: self.value("sum(increase(gifts_claimed_total[1d]))"), "the gift to be counted")
        wait_for(lambda: self.value("sum(increase(gifts_created_total[1d]))"), "the gift to be counted")

    def redeem(self) -> None:
        """A shopper buys and redeems at a till."""
        with self.site.client(3) as client:
            sale = client.get("/api/v1/sales/").json()["results"][0]["id"]
            post(client, "/api/v1/orders/", {"lines": [{"sale": sale, "quantity": 1}], "payment_method": "card"})
            vouchers = "/api/v1/vouchers/?state=active"
            [voucher, *_] = wait_for(lambda: client.get(vouchers).json()["results"], "a voucher")
        words = f"from coupon_site.demo import device_key_of; print(device_key_of({voucher['merchant']['name']!r}))"
        till = {"Authorization": f"Device {self.site.manage('shell', '-v0', '-c', words).stdout.split()[-1]}"}
        scan = {"code": voucher["code"], "nonce": str(uuid4())}
        httpx.post(f"{self.site.url}/api/scan", json=scan, headers=till, timeout=30).raise_for_status()

    def import_file(self) -> None:
        token = self.site.manage("shell", "-v0", "-c", TOKEN_OF_STAFF).stdout.split()[-1]
        lines = [HEADER, *(line(str(number)) for number in range(1, 50)), ""]
        upload = {"file": ("day.csv", "\n".join(lines).encode(), "text/csv")}
        signature = {"Authorization": f"Bearer {token}"}
        with httpx.Client(base_url=self.site.url, headers=signature, timeout=30) as client:
            job = client.post("/api/v1/imports/", files=upload, data={"network": "online-retail"}, headers=new_key())
            address = f"/api/v1/imports/{job.raise_for_status().json()['id']}"
            wait_for(lambda: client.get(address).json()["state"] == "previewed", "the preview")
            post(client, f"{address}/start", {})
            wait_for(lambda: client.get(address).json()["state"].startswith("done"), "the import")

    def visit(self) -> None:
        address, trust = f"https://localhost:{self.ports['tls']}", trusting(self.folder)
        with httpx.Client(base_url=address, verify=trust, timeout=60) as client:
            for _ in range(10):
                client.get("/api/v1/sales/")
                client.get("/no-such-page")
                time.sleep(1)

    def ask(self, path: str, **parameters: Any) -> Any:
        """What Prometheus' API answers."""
        answer = self.prometheus.get(f"/api/v1/{path}", params=parameters)
        assert answer.is_success, answer.text
        return answer.json()["data"]

    def value(self, expr: str) -> float:
        """One number, 0 for none."""
        found = self.ask("query", query=expr)["result"]
        return float(found[0]["value"][1]) if found else 0.0

    # --- What a healthy site does not show ---------------------------------------------------------------------------
    @contextmanager
    def gone_wrong(self) -> Iterator[None]:
        """Orders fail; Redis has a limit; there are backups, pods that do not run, and a second Alertmanager."""
        self.site.manage("flags", "on", "fault.checkout_error")
        with redis.Redis.from_url(self.site.servers.redis_url) as client, ExitStack() as everything:
            client.config_set("maxmemory", 512 * 2**20)
            everything.enter_context(self.second_alertmanager())
            self.write_textfiles(cpu_seconds=1)
            self.fail_orders(15)
            self.write_textfiles(cpu_seconds=9)
            yield
        self.site.manage("flags", "off", "fault.checkout_error")

    def fail_orders(self, number: int) -> None:
        """An order every third of a second, and none of them succeeds."""
        wish = {"lines": [{"sale": str(uuid4()), "quantity": 1}], "payment_method": "card"}
        with self.site.client() as client:
            for _ in range(number):
                answer = client.post("/api/v1/orders/", json=wish, headers=new_key())
                assert answer.status_code == 500, answer.text
                time.sleep(0.3)

    def write_textfiles(self, *, cpu_seconds: float) -> None:
        """What a cluster's exporters and the backup's commands show, by way of the node exporter."""
        pod = 'namespace="shop",pod="web-1"'
        samples = {
            "container_cpu_usage_seconds_total": (f'{pod},container="web"', cpu_seconds),
            "container_spec_cpu_quota": (f'{pod},container="web"', 100_000),
            "container_spec_cpu_period": (f'{pod},container="web"', 100_000),
            "container_memory_working_set_bytes": (f'{pod},container="web"', 2**28),
            "container_spec_memory_limit_bytes": (f'{pod},container="web"', 2**29),
            "kube_pod_status_phase": (f'{pod},phase="Failed"', 1),
            "kube_pod_container_status_waiting_reason": (f'{pod},container="web",reason="CrashLoopBackOff"', 1),
            "kube_deployment_status_condition": (
                'namespace="shop",deployment="web",condition="Progressing",status="false"',
                1,
            ),
            "backup_last_success_timestamp_seconds": ('what="database"', time.time()),
            "restore_drill_last_success_timestamp_seconds": ('what="database"', time.time()),
        }
        draft = self.servers.textfiles / "draft"
        draft.write_text("".join(f"{name}{{{labels}}} {value}\n" for name, (labels, value) in samples.items()))
        draft.rename(self.servers.textfiles / "others.prom")

    @contextmanager
    def second_alertmanager(self) -> Iterator[None]:
        """One that would join a cluster."""
        port, peers = free_ports(2)
        folder = self.folder / "second"
        folder.mkdir()
        command = [
            require_binary("prometheus-alertmanager"),
            f"--config.file={self.folder / 'alertmanager' / 'alertmanager.yml'}",
            f"--storage.path={folder}",
            f"--web.listen-address=127.0.0.1:{port}",
            f"--cluster.listen-address=127.0.0.1:{peers}",
            f"--cluster.advertise-address=127.0.0.1:{peers}",
        ]
        ready = f"http://127.0.0.1:{port}/-/healthy"
        with running(command, log=folder / "log", ready_url=ready):
            both = [f"127.0.0.1:{self.ports['managers']}", f"127.0.0.1:{port}"]
            stack.write_targets(self.servers.targets, {"alertmanager": both})
            yield


def post(client: httpx.Client, path: str, body: dict[str, Any]) -> Any:
    """Ask once for something to be made."""
    answer = client.post(path, json=body, headers=new_key())
    assert answer.is_success, answer.text
    return answer.json()


def new_key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid4())}
