"""`manage.py monitoring silence`: quiet for a while, with a reason and an end."""

import getpass
import re
from argparse import ArgumentParser
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management.base import CommandError, OutputWrapper

from monitoring.remote import Alertmanager, RemoteError, addresses
from monitoring.remote.alertmanager import Matcher

HELP = "Silence alerts for a while: by name or matchers, with a comment; list silences; end one."
LONGEST = timedelta(days=7)
UNITS = {"m": 60, "h": 3600, "d": 86400}


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("alert", nargs="?", default="", help="name of an alert (default: any that the matchers match)")
    parser.add_argument(
        "--match",
        action="append",
        default=[],
        metavar="MATCHER",
        help="such as service=payments, severity=~warning|info",
    )
    parser.add_argument("--for", dest="duration", default="2h", help="such as 30m, 2h or 1d (default %(default)s)")
    parser.add_argument("--comment", default="", help="why; others read it")
    parser.add_argument("--by", default="", help="who (default: this machine's user)")
    parser.add_argument("--list", action="store_true", dest="lists", help="show the silences that are not over")
    parser.add_argument("--end", default="", metavar="ID", help="end a silence now")
    parser.add_argument("--alertmanager", metavar="URL", default=addresses.ALERTMANAGER, help="(default %(default)s)")


def run(*, stdout: OutputWrapper, alertmanager: str, lists: bool, end: str, **options: Any) -> str:
    server = Alertmanager(alertmanager)
    try:
        if lists:
            return show(server, stdout)
        if end:
            server.end_silence(end)
            return f"{end} is over."
        return begin(server, options)
    except RemoteError as error:
        raise CommandError(str(error), returncode=1) from error


def begin(server: Alertmanager, options: dict[str, Any]) -> str:
    matchers = matchers_of(options["alert"], options["match"])
    if not options["comment"]:
        raise CommandError("Say why with --comment: others will wonder.", returncode=2)
    now = datetime.now(UTC)
    ends_at = now + length_of(options["duration"])
    silence = server.post_silence(
        matchers, starts_at=now, ends_at=ends_at, author=options["by"] or getpass.getuser(), comment=options["comment"]
    )
    return f"{silence}: {text_of(matchers)} until {ends_at:%Y-%m-%d %H:%M} UTC. End it with --end {silence}"


def matchers_of(alert: str, texts: list[str]) -> list[Matcher]:
    try:
        matchers = [Matcher.parse(text) for text in texts]
    except ValueError as error:
        raise CommandError(str(error), returncode=2) from error
    if alert:
        matchers.insert(0, Matcher("alertname", alert))
    if not any(each.is_equal and each.value not in {"", ".*", ".+"} for each in matchers):
        raise CommandError("Name an alert, or --match a label: a silence of everything hides everything.", returncode=2)
    return matchers


def length_of(text: str) -> timedelta:
    found = re.fullmatch(r"(\d+)([mhd])", text)
    length = timedelta(seconds=int(found[1]) * UNITS[found[2]]) if found else timedelta()
    if not timedelta() < length <= LONGEST:
        raise CommandError(f"--for {text}: write minutes, hours or days, such as 2h; a week at most.", returncode=2)
    return length


def show(server: Alertmanager, stdout: OutputWrapper) -> str:
    found = server.silences()
    for each in found:
        matchers = [Matcher(m["name"], m["value"], m["isEqual"], m["isRegex"]) for m in each["matchers"]]
        stdout.write(
            f"{each['id']}  {each['status']['state']} until {each['endsAt'][:16]}  {text_of(matchers)}  "
            f"{each['createdBy']}: {each['comment']}"
        )
    return f"{len(found)} silences."


def text_of(matchers: list[Matcher]) -> str:
    return " ".join(map(str, matchers))
