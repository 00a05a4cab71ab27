"""`manage.py monitoring start`: Prometheus, Alertmanager and exporters beside the site, from the system's packages."""

import os
import signal
import time
from argparse import ArgumentParser
from contextlib import AbstractContextManager, ExitStack
from typing import Any, NoReturn

from django.conf import settings
from django.core.management.base import CommandError, OutputWrapper

from monitoring import receivers, stack
from monitoring.stack.commands import PROGRAMS

HELP = "Start Prometheus, Alertmanager and exporters of the system's packages beside the site; Ctrl-C stops them."
FOLDER = settings.VAR_DIR / "monitoring"
NOTICES = FOLDER / "notices.jsonl"
SERVERS = ("prometheus", "alertmanager")
PORTS = {job: f"{job}{'' if job in SERVERS else '_exporter'}_port".upper() for job in PROGRAMS}
LISTEN_SECONDS = 0.5


def add_arguments(parser: ArgumentParser) -> None:
    names = ", ".join(PORTS.values())
    parser.add_argument(
        "--speed", type=float, default=1.0, help="how much faster time runs in the rules, to see them fire"
    )
    parser.epilog = f"Each takes its usual port, a free one where that is taken, or the one that is set by {names}."


def run(*, stdout: OutputWrapper, speed: float, **options: Any) -> str:
    if speed < 1:
        raise CommandError("--speed is 1 or more.", returncode=2)
    FOLDER.mkdir(parents=True, exist_ok=True)
    try:
        with ExitStack() as everything:
            stand_ins = everything.enter_context(receivers.running(log=NOTICES))
            servers = everything.enter_context(beside_the_site(stand_ins, speed=speed))
            stdout.write(addresses(servers))
            stdout.flush()
            show_notices(stand_ins, stdout)
    except stack.StackError as error:
        raise CommandError(str(error), returncode=2) from error
    except KeyboardInterrupt:
        return "Stopped."


def beside_the_site(stand_ins: receivers.Receivers, *, speed: float) -> AbstractContextManager[stack.Servers]:
    """The stack over this site, which hears of alerts, too. What the environment says of Slack and mail comes first."""
    here = {name: os.environ[name] for name in stand_ins.settings if os.environ.get(name)}
    site = {
        "SITE_ALERTS_URL": f"{site_url()}/monitoring/alerts",
        "SITE_GUARD_URL": f"{site_url()}/api/v1/flags/hooks/alertmanager",
        "ALERTS_TOKEN": settings.ALERTS_TOKEN,
    }
    return stack.running(
        FOLDER,
        targets=settings.VAR_DIR / "targets",
        metrics_token=settings.METRICS_TOKEN,
        database_url=settings.DATABASE_URL,
        redis_url=settings.REDIS_URL,
        receivers={**stand_ins.settings, **site, **here},
        speed=speed,
        ports={job: int(os.environ[name]) for job, name in PORTS.items() if os.environ.get(name)},
        usual_ports=True,
        textfiles=settings.VAR_DIR / "textfiles",
    )


def site_url() -> str:
    """Where `run_site` serves, told by the same variable."""
    port = os.environ.get("WEB_PORT")
    return f"http://127.0.0.1:{port}" if port else settings.SITE_URL


def addresses(servers: stack.Servers) -> str:
    """What a newcomer opens."""
    lines = [f"  {job.title() + ':':<14}{servers.url(job)}/" for job in SERVERS]
    exporters = [f"{job} {servers.url(job)}/metrics" for job in servers.ports if job not in SERVERS]
    lines += [f"  {'Exporters:':<14}{exporters[0]}", *(f"  {'':<14}{each}" for each in exporters[1:])]
    lines += [f"  {'Notices:':<14}{NOTICES}, and below"]
    if not (settings.VAR_DIR / "targets").is_dir():
        lines += ["  The site is not there yet: `make run` in another terminal."]
    return "\n".join(["", *lines, "  Ctrl-C stops everything.", ""])


def show_notices(stand_ins: receivers.Receivers, stdout: OutputWrapper) -> NoReturn:
    """A line for each notice to people, until Ctrl-C."""
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.default_int_handler)  # either ends it, in order
    shown = 0
    while True:
        came = stand_ins.notices.matching(lambda notice: notice.kind != "heartbeat")
        for notice in came[shown:]:
            at = time.strftime("%H:%M:%S", time.localtime(notice.at))
            stdout.write(f"{at} {notice.kind:<8}{notice.channel:<18} {notice.title}")
            stdout.flush()
        shown = len(came)
        time.sleep(LISTEN_SECONDS)
