"""The deployment's configurations, adapted to processes on this machine and changed in nothing else."""

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

DISCOVERY = ("dns_sd_configs", "static_configs")


def prometheus_on_loopback(
    config: Mapping[str, Any], *, targets: Mapping[str, Sequence[str]], token_file: Path, interval: str = "1s"
) -> dict[str, Any]:
    """prometheus.yml with `targets` (job → ["127.0.0.1:port"]) for its discovery; no other jobs, no Alertmanager."""
    adapted = copy.deepcopy(dict(config))
    adapted.pop("alerting", None)
    adapted["global"] |= {"scrape_interval": interval, "scrape_timeout": interval, "evaluation_interval": interval}
    adapted["scrape_configs"] = [
        scrape_on_loopback(job, targets=targets[job["job_name"]], token_file=token_file)
        for job in adapted["scrape_configs"]
        if job["job_name"] in targets
    ]
    return adapted


def scrape_on_loopback(job: Mapping[str, Any], *, targets: Sequence[str], token_file: Path) -> dict[str, Any]:
    """One job with fixed targets, and its token where it shows one."""
    kept = {key: value for key, value in job.items() if key not in DISCOVERY}
    if "authorization" in kept:
        kept["authorization"] = {**kept["authorization"], "credentials_file": str(token_file)}
    return {**kept, "static_configs": [{"targets": list(targets)}]}


def nginx_on_loopback(
    text: str, *, folder: Path, port: int, health_port: int, upstream_port: int, user: str | None
) -> str:
    """nginx.conf with loopback ports and its files below `folder`; `user` is who workers of root's server run as."""
    replaced = (
        ("listen 8080;", f"listen 127.0.0.1:{port};"),
        ("listen 127.0.0.1:8081;", f"listen 127.0.0.1:{health_port};"),
        # Older servers than the deployed one know no `resolve`, and a number needs none.
        ("server backend:8000 resolve ", f"server 127.0.0.1:{upstream_port} "),
        (" /tmp/", f" {folder}/"),
        ("/dev/stdout", f"{folder}/access.log"),
        ("/dev/stderr", f"{folder}/error.log"),
    )
    for old, new in replaced:
        if old not in text:
            raise ValueError(f"nginx.conf no longer says {old!r}")
        text = text.replace(old, new)
    return f"user {user};\n{text}" if user else text
