"""The whole site under one supervisor, for a laptop."""

import fcntl
import multiprocessing
import os
import socket
import sys
import threading
import time
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import httpx
import psutil
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections
from honcho.environ import parse_procfile
from honcho.manager import Manager

from coupon_site.demo import credentials
from monitoring.stack.targets import PORT, targets_of, write_targets

END_SECONDS = 10.0
STOPPED_EARLY = 130  # as shells have it


class Command(BaseCommand):
    help = "Start every process of the Procfile, with demo data and demo traffic (DEMO=0: neither); Ctrl-C stops all."

    def handle(self, *args: Any, **options: Any) -> None:
        procfile = (settings.BASE_DIR / "Procfile").read_text()
        ports = {
            found["name"]: int(os.environ.get(found["name"], found["default"])) for found in PORT.finditer(procfile)
        }
        with self.only_one():
            for name, port in ports.items():
                refuse_taken(name, port)
            self.prepare()
            processes = parse_procfile(procfile).processes
            write_targets(settings.VAR_DIR / "targets", targets_of(processes, ports))
            manager = self.supervise(processes, ports["WEB_PORT"])
            threading.Thread(target=self.announce, args=[ports["WEB_PORT"]], daemon=True).start()
            try:
                manager.loop()
            except KeyError:  # stopped before all had started: the supervisor does not know them yet
                manager.returncode = STOPPED_EARLY
            finally:
                end_processes()
        self.stdout.write("Stopped.")
        if manager.returncode and manager.returncode > 0:
            sys.exit(manager.returncode)

    def only_one(self) -> TextIOWrapper:
        """Hold the data folder; the kernel lets go of it when this process ends."""
        handle = (settings.VAR_DIR / "site.lock").open("w")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CommandError(
                f"The site already runs from {settings.VAR_DIR}: stop it first.", returncode=2
            ) from error
        return handle

    def prepare(self) -> None:
        """Schema and demo data."""
        self.stdout.write("Preparing the database…")
        call_command("migrate", verbosity=0)
        if demo_wanted():
            call_command("setup_demo", stdout=self.stdout)
        connections.close_all()

    def supervise(self, processes: dict[str, str], port: int) -> Manager:
        """A supervisor of the processes; all share this checkout's servers and its address."""
        environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "DATABASE_URL": settings.DATABASE_URL,
            "REDIS_URL": settings.REDIS_URL,
            "LOCAL": "1" if settings.LOCAL else "0",
            "SITE_URL": f"http://127.0.0.1:{port}",
            "PYTHONUNBUFFERED": "1",
        }
        if demo_wanted():
            processes = {**processes, "traffic": "python manage.py simulate_traffic --rate ${TRAFFIC_RATE:-2}"}
        manager = Manager()
        for name, command in processes.items():
            manager.add_process(name, command, env=environment, cwd=str(settings.BASE_DIR))
        return manager

    def announce(self, port: int) -> None:
        """Print the address once the site answers."""
        address = f"http://127.0.0.1:{port}/"
        while not answers(f"{address}readyz"):
            time.sleep(0.1)
        lines = ["", f"  Coupon Site is up: {address}"]
        if demo_wanted():
            staff = credentials()
            lines += [
                f"  Staff login:       {staff.email}  {staff.password}",
                f"  A shopper's token: {staff.shopper_token}",
            ]
        lines += [f"  API:               {address}api/docs/", "  Ctrl-C stops everything.", ""]
        self.stdout.write("\n".join(lines))
        self.stdout.flush()


def end_processes() -> None:
    """Whatever becomes of the supervisor, say that nobody reads what it prints any more, nothing of it goes on."""
    supervised, started = multiprocessing.active_children(), list[psutil.Process]()
    for child in supervised:
        with suppress(psutil.NoSuchProcess):
            started += psutil.Process(child.pid).children(recursive=True)
    for process in started:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    _, left = psutil.wait_procs(started, timeout=END_SECONDS)
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    for child in supervised:
        child.kill()


def demo_wanted() -> bool:
    return os.environ.get("DEMO", "1") != "0"


def refuse_taken(name: str, port: int) -> None:
    """One clear line instead of a stack trace of the process that wanted the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise CommandError(
                f"Port {port} is in use: stop what uses it, or set {name} to another.", returncode=2
            ) from error


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).status_code == 200
    except httpx.HTTPError:
        return False
