"""The deployment's configurations, adapted to processes on this machine and changed in nothing else."""

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.deploy.files import DEPLOY

DISCOVERY = ("dns_sd_configs", "file_sd_configs", "kubernetes_sd_configs", "static_configs")


def prometheus_on_loopback(
    config: Mapping[str, Any], *, targets: Mapping[str, Sequence[str]], token_file: Path, interval: str = "1s"
) -> dict[str, Any]:
    """prometheus.yml with `targets` (job → ["127.0.0.1:port"]) for its discovery; no other jobs, no Alertmanager."""
    adapted = copy.deepcopy(dict(config))
    adapted.pop("alerting", None)
    adapted.pop("rule_files", None)
    adapted["global"] |= {"scrape_interval": interval, "scrape_timeout": interval, "evaluation_interval": interval}
    adapted["scrape_configs"] = [
        scrape_on_loopback(job, targets=targets[job["job_name"]], token_file=token_file)
        for job in adapted["scrape_configs"]
        if job["job_name"] in targets
    ]
    return adapted


def scrape_on_loopback(job: Mapping[str, Any], *, targets: Sequence[str], token_file: Path) -> dict[str, Any]:
    """One job with fixed targets, and its token where it shows one."""
    kept = {key: value for key, value in job.items() if key not in {*DISCOVERY, "scrape_interval", "scrape_timeout"}}
    if "authorization" in kept:
        kept["authorization"] = {**kept["authorization"], "credentials_file": str(token_file)}
    return {**kept, "static_configs": [{"targets": list(targets)}]}


def nginx_on_loopback(
    folder: Path,
    *,
    port: int,
    status_port: int,
    web: Sequence[int],
    sockets: Sequence[int],
    tls_port: int | None = None,
    user: str | None = None,
) -> Path:
    """The files of deploy/nginx in `folder`, on loopback ports; `user` is who workers of root's server run as.

    With `tls_port` the certificate lies beside them as tls.crt and tls.key.
    """
    site = adapted("site.conf", ("/usr/share/nginx/site", str(folder)))
    network = adapted(
        "network.conf",
        ("resolver 127.0.0.11 valid=10s ipv6=off;", ""),
        # Older servers than the deployed one know no `resolve`, and numbers need none.
        ("server backend:8000 resolve max_fails=3 fail_timeout=10s;", servers_on(web)),
        ("server sockets:8000 resolve max_fails=3 fail_timeout=10s;", servers_on(sockets)),
    )
    top = adapted(
        "nginx.conf",
        ("listen 8080;", f"listen 127.0.0.1:{port};"),
        ("listen 8081;", f"listen 127.0.0.1:{status_port};"),
        (" /tmp/", f" {folder}/"),
        ("/dev/stdout", f"{folder}/access.log"),
        ("/dev/stderr", f"{folder}/error.log"),
    )
    for name, text in (("site.conf", site), ("network.conf", network)):
        (folder / name).write_text(text)
    if tls_port:
        (folder / "tls").mkdir()
        # Older servers than the deployed one say it in the line above.
        with_tls = adapted(
            "tls.conf",
            ("listen 8443 ssl;", f"listen 127.0.0.1:{tls_port} ssl http2;"),
            ("http2 on;", ""),
            ("/run/secrets", str(folder)),
        )
        (folder / "tls" / "tls.conf").write_text(with_tls)
    file = folder / "nginx.conf"
    file.write_text(f"user {user};\n{top}" if user else top)
    return file


def servers_on(ports: Sequence[int]) -> str:
    """The servers of an upstream, by their ports."""
    return "\n    ".join(f"server 127.0.0.1:{port} max_fails=3 fail_timeout=10s;" for port in ports)


def adapted(name: str, *changes: tuple[str, str]) -> str:
    """A file of deploy/nginx with something else in known places."""
    text = (DEPLOY / "nginx" / name).read_text()
    for old, new in changes:
        if old not in text:
            raise ValueError(f"{name} no longer says {old!r}")
        text = text.replace(old, new)
    return text
