"""`manage.py monitoring verify`: the checklist, against what runs."""

import os
from argparse import ArgumentParser
from collections import Counter
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, OutputWrapper

from coupon_site.demo import credentials
from monitoring.remote import Alertmanager, Grafana, Prometheus, addresses
from monitoring.remote.server import Server
from monitoring.verification import AREAS, CHECKS, Outcome, Stack, outcomes

HELP = "Ask a running stack whether all of it works; a line for each question, exit status 1 when one fails."
PORTS = {"worker": 8001, "importer": 8003, "relay": 8004, "exporter": 9501}

# Web believes that a request came by TLS, as it believes the proxy; else it would send us to https.
AS_THE_PROXY = {"X-Forwarded-Proto": "https"} if settings.SECURE_PROXY_SSL_HEADER and settings.HTTPS else {}


def add_arguments(parser: ArgumentParser) -> None:
    for name, port in {"web": 8000, **PORTS}.items():
        address = f"http://127.0.0.1:{os.environ.get(f'{name.upper()}_PORT', port)}"
        parser.add_argument(f"--{name}", metavar="URL", default=address, help="(default %(default)s)")
    parser.add_argument("--sockets", metavar="URL", default="", help="the processes of sockets (default: as web)")
    parser.add_argument("--public", metavar="URL", default="", help="the proxy's address, as visitors use it")
    parser.add_argument("--prometheus", metavar="URL", default=addresses.PROMETHEUS, help="(default %(default)s)")
    parser.add_argument("--alertmanager", metavar="URL", default=addresses.ALERTMANAGER, help="(default %(default)s)")
    parser.add_argument("--grafana", metavar="URL", default="", help="such as http://127.0.0.1:3001")
    parser.add_argument("--token-file", type=Path, metavar="FILE", help="an API token (default: a demo shopper's)")
    parser.add_argument("--grafana-token-file", type=Path, metavar="FILE", help="a service account's token")
    parser.add_argument("--buy", action="store_true", help="buy one unit, and wait for its event on a socket")
    parser.add_argument("--only", nargs="+", choices=AREAS, metavar="AREA", help=f"some of: {', '.join(AREAS)}")
    parser.add_argument("--patience", type=float, default=10, metavar="SECONDS", help="for an answer (default 10)")


def run(*, stdout: OutputWrapper, only: list[str] | None, **options: Any) -> str:
    asked = [check for check in CHECKS if check.area in (only or AREAS)]
    counts: Counter[str] = Counter()
    for number, outcome in enumerate(outcomes(stack_of(options), asked), 1):
        counts[outcome.state] += 1
        stdout.write(line(outcome, number, len(asked)))
        stdout.flush()
    summary = f"{counts['ok']} of {len(asked)} checks are fine"
    if counts["skipped"]:
        summary += f", {counts['skipped']} were not asked"
    if counts["FAILED"]:
        raise CommandError(f"{summary}, {counts['FAILED']} failed.", returncode=1)
    return f"{summary}."


def line(outcome: Outcome, number: int, total: int) -> str:
    check = outcome.check
    return f"[{number:2}/{total}] {outcome.state:<7} {check.area}: {check.name}: {outcome.said}"


def stack_of(options: dict[str, Any]) -> Stack:
    patience = options["patience"]
    return Stack(
        site=Server(options["web"], headers=AS_THE_PROXY, timeout=patience),
        sockets=options["sockets"] or options["web"],
        public=options["public"].rstrip("/"),
        processes={name: options[name] for name in PORTS if options[name]},
        metrics_token=settings.METRICS_TOKEN,
        token=token_of(options["token_file"]),
        prometheus=Prometheus(options["prometheus"], timeout=patience),
        alertmanager=Alertmanager(options["alertmanager"], timeout=patience),
        grafana=Grafana(options["grafana"], bearer(options["grafana_token_file"]), patience),
        buys=options["buy"],
        patience=patience,
    )


def token_of(file: Path | None) -> str:
    """Whom the questions come from: the file's token; on a laptop a demo shopper's."""
    if file is not None:
        return read(file)
    return credentials().shopper_token if settings.LOCAL else ""


def bearer(file: Path | None) -> dict[str, str]:
    return {} if file is None else {"Authorization": f"Bearer {read(file)}"}


def read(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError as error:
        raise CommandError(f"{file} can't be read: {error.strerror}", returncode=2) from error
